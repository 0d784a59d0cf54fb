# Words counted, grouped and joined; strings too long for the interpreter's own cells.
words = Array.new(150_000) { |n| (n * 7919 % 65_521).to_s(36) + 'z' * (n % 60) }
groups = words.group_by(&:size)
counts = words.tally
text = groups.sort.map { |size, list| "#{size}:#{list.sort.first(50).join(',')}" }.join("\n")
back = text.lines.map { |line| line.split(',').map(&:upcase) }
puts counts.size, text.size, back.flatten.size, text.sum
