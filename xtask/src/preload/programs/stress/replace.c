// A table of blocks of 8 to 1,000 bytes; a random one is replaced at each step.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 100000
#define STEPS 4000000

int main(void) {
    unsigned char **table = calloc(COUNT, sizeof *table);
    unsigned long sum = 0;
    unsigned seed = 1;
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1664525 + 1013904223;
        unsigned place = (seed >> 8) % COUNT;
        size_t len = 8 + (seed >> 4) % (seed % 8 == 0 ? 993 : 120);
        if (table[place] != NULL) sum += table[place][0];
        free(table[place]);
        table[place] = malloc(len);
        table[place][0] = (unsigned char)step;
        table[place][len - 1] = (unsigned char)len;
    }
    for (int n = 0; n < COUNT; n++) free(table[n]);
    free(table);
    printf("%lu\n", sum);
    return 0;
}
