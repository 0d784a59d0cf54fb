// Breaks one promise, named by the first argument, and then gives what it can home: so late checks are made too.
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void free_sized(void *block, size_t size) __attribute__((weak));
void free_aligned_sized(void *block, size_t align, size_t size) __attribute__((weak));

static char fixed[64];

static void *other(void *block) {
    free(block);
    malloc_trim(0);
    return NULL;
}

int main(int count, char **args) {
    const char *name = count > 1 ? args[1] : "";
    char local[64], *a = malloc(40), *b = malloc(40), *large = malloc(100000), *huge = malloc(40 << 20);
    if (!strcmp(name, "stack")) free(local + 16);
    if (!strcmp(name, "static")) free(fixed);
    if (!strcmp(name, "mapped")) free(mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (!strcmp(name, "never")) free((void *)0x7ff123456780);
    if (!strcmp(name, "interior")) free(a + 16);
    if (!strcmp(name, "interior-large")) free(large + 50000);
    if (!strcmp(name, "interior-huge")) free(huge + 4096);
    if (!strcmp(name, "double")) free(a), free(a);
    if (!strcmp(name, "double-aba")) free(a), free(b), free(a);
    if (!strcmp(name, "double-large")) free(large), free(large);
    if (!strcmp(name, "double-huge")) free(huge), free(huge);
    if (!strcmp(name, "double-thread")) {
        pthread_t thread;
        free(a);
        malloc_trim(0);
        pthread_create(&thread, NULL, other, a);
        pthread_join(thread, NULL);
    }
    if (!strcmp(name, "sized")) free_sized(a, 400);
    if (!strcmp(name, "sized-large")) free_sized(large, 1000000);
    if (!strcmp(name, "aligned-sized")) free_aligned_sized(a, 256, 256);
    malloc_trim(0);
    puts("nobody noticed");
    return 0;
}
