// The first blocks of a process, of each size and alignment: in a class that has no memory yet, others lend theirs. With an
// argument, aligned blocks come first.
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 20

void free_sized(void *block, size_t size) __attribute__((weak));

static int plain(void) {
    unsigned char *blocks[65][COUNT];
    for (int n = 0; n < COUNT; n++)
        for (int step = 0; step < 65; step++) {
            size_t size = step * 16 + n % 16;
            unsigned char *block = n % 2 ? malloc(size) : calloc(1, size);
            if (block == NULL || (uintptr_t)block % 16 != 0 || malloc_usable_size(block) < size) return 1;
            memset(block, step + n, malloc_usable_size(block));
            blocks[step][n] = block;
        }
    for (int n = 0; n < COUNT; n++)
        for (int step = 0; step < 65; step++) {
            unsigned char *block = blocks[step][n];
            for (size_t at = 0; at < malloc_usable_size(block); at++)
                if (block[at] != (unsigned char)(step + n)) return 2;
            free_sized(block, step * 16 + n % 16);
        }
    return 0;
}

static int aligned(void) {
    for (size_t align = 4096; align >= 16; align /= 2)
        for (size_t size = align / 2 + 1; size <= 3 * align; size += align / 4)
            for (int n = 0; n < 3; n++) {
                void *block = NULL;
                if (posix_memalign(&block, align, size) != 0 || (uintptr_t)block % align != 0) return 3;
                memset(block, n, size);
            }
    return 0;
}

int main(int count, char **args) {
    (void)args;
    int wrong = count > 1 ? aligned() : plain();
    if (wrong == 0) wrong = count > 1 ? plain() : aligned();
    if (wrong != 0) return wrong;
    puts("good");
    return 0;
}
