// Blocks of 20 KiB to 8 MiB that come and go, some of them zeroed; few are touched whole.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 24
#define STEPS 60000

int main(void) {
    unsigned char *blocks[COUNT] = {0};
    unsigned long sum = 0;
    unsigned seed = 7;
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1664525 + 1013904223;
        unsigned place = (seed >> 8) % COUNT;
        size_t len = (size_t)(20 << 10) << (seed >> 20) % (step % 16 == 0 ? 9 : 5);
        len += (seed >> 4) % 4096;
        free(blocks[place]);
        if (step % 5 == 0) {
            blocks[place] = calloc(1, len);
            sum += blocks[place][len / 2];
        } else
            blocks[place] = malloc(len);
        for (size_t at = 0; at < len; at += step % 7 == 0 ? 4096 : 65536) blocks[place][at] = (unsigned char)at;
        blocks[place][len - 1] = (unsigned char)len;
        sum += blocks[place][0] + blocks[place][len - 1];
    }
    for (int n = 0; n < COUNT; n++) free(blocks[n]);
    printf("%lu\n", sum);
    return 0;
}
