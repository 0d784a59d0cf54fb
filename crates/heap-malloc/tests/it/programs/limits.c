// Runs itself with 256 MiB of addresses, takes all of it, and gives it back.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int exhaust(size_t len) {
    void **first = NULL;
    long count = 0;
    for (;;) {
        errno = 0;
        void **block = malloc(len);
        if (block == NULL) break;
        *block = first;
        first = block;
        count++;
    }
    if (errno != ENOMEM) return 1;
    if (count * len < (64l << 20)) {
        printf("only %ld blocks of %zu\n", count, len);
        return 2;
    }
    while (first != NULL) {
        void **next = *first;
        free(first);
        first = next;
    }
    void *large = malloc(1 << 20);
    if (large == NULL) {
        printf("no MiB after %ld blocks of %zu\n", count, len);
        return 3;
    }
    memset(large, 1, 1 << 20);
    free(large);
    return 0;
}

int main(int count, char **args) {
    if (count == 1) {
        struct rlimit limit = {256 << 20, 256 << 20};
        setrlimit(RLIMIT_AS, &limit);
        execl(args[0], args[0], "limited", (char *)NULL);
        return 10;
    }
    static const size_t sizes[] = {30000000, 5000000, 100000, 5000, 400, 64, 1000000};
    for (unsigned n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        int wrong = exhaust(sizes[n]);
        if (wrong != 0) return wrong;
    }
    puts("good");
    return 0;
}
