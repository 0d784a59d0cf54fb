// Allocates before main, in main, after it, and in a thread-local destructor's place.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *early;
static char *kept[1000];

__attribute__((constructor(101))) static void before(void) {
    early = malloc(100);
    memset(early, 'e', 100);
}

static void after(void) {
    for (int n = 0; n < 1000; n++) free(kept[n]);
    free(malloc(100000));
    puts("good");
}

int main(void) {
    if (early == NULL || early[99] != 'e') return 1;
    free(early);
    for (int n = 0; n < 1000; n++) kept[n] = calloc(n + 1, 10);
    char *line = strdup("copied by the C library");
    line = realloc(line, 10000);
    if (strcmp(line, "copied by the C library") != 0) return 2;
    errno = 5;
    free(line);
    if (errno != 5) return 3;
    return atexit(after);
}
