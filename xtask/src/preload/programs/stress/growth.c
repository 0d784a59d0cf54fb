// Strings and tables that grow: by a piece at a time, by halves, to several megabytes, many at once.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 64

static unsigned long check(const char *text, size_t len) {
    unsigned long sum = 0;
    for (size_t n = 0; n < len; n += 997) sum += (unsigned char)text[n];
    return sum;
}

int main(void) {
    unsigned long sum = 0;
    for (int round = 0; round < 20; round++) {
        char *texts[TEXTS] = {0};
        size_t lens[TEXTS] = {0};
        // Side by side, a line at a time.
        for (int step = 0; step < 2000; step++) {
            int place = step * 7 % TEXTS;
            texts[place] = realloc(texts[place], lens[place] + 50);
            memset(texts[place] + lens[place], step, 50);
            lens[place] += 50;
        }
        for (int n = 0; n < TEXTS; n++) {
            sum += check(texts[n], lens[n]);
            free(texts[n]);
        }
        // Two tables that grow by half in turn.
        char *tables[2] = {malloc(64), malloc(64)};
        size_t has[2] = {64, 64};
        memset(tables[0], 1, 64);
        memset(tables[1], 1, 64);
        for (int turn = 0; has[turn] < (6u << 20); turn ^= 1) {
            size_t more = has[turn] + has[turn] / 2;
            tables[turn] = realloc(tables[turn], more);
            memset(tables[turn] + has[turn], turn, more - has[turn]);
            has[turn] = more;
        }
        for (int n = 0; n < 2; n++) {
            sum += check(tables[n], has[n]);
            tables[n] = realloc(tables[n], 1000);
            sum += check(tables[n], 1000);
            free(tables[n]);
        }
    }
    printf("%lu\n", sum);
    return 0;
}
