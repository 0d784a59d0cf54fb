# Counts made-up words, joins and sorts them.
use strict;
use warnings;
my (%count, %lines);
my $seed = 1;
for my $n (1 .. 400_000) {
    $seed = ($seed * 1103515245 + 12345) % 2147483648;
    my $word = sprintf("%x", $seed % 60_000) . "x" x ($seed % 40);
    $count{$word}++;
    push @{ $lines{ length $word } }, $n if $n % 3 == 0;
}
my @sorted = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
my $text = join " ", @sorted;
$text =~ s/(\d+)x+/<$1>/g;
print scalar(@sorted), " ", length($text), " $sorted[0]\n";
print join(",", map { "$_:" . scalar @{ $lines{$_} } } sort { $a <=> $b } keys %lines), "\n";
