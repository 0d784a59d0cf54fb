// Destructors of threads that allocate, over several rounds, on many threads; blocks that outlive their threads.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_key_t keys[40];

struct Last {
    int rounds;
    char *block;
};

static void again(void *value) {
    struct Last *last = value;
    free(last->block);
    last->block = malloc(300);
    memset(last->block, 1, 300);
    if (--last->rounds > 0) {
        pthread_setspecific(keys[39], last);
        return;
    }
    free(last->block);
    free(last);
}

static void *work(void *unused) {
    struct Last *last = malloc(sizeof *last);
    last->rounds = 3;
    last->block = malloc(200);
    pthread_setspecific(keys[39], last);
    char *held[50];
    for (int n = 0; n < 50; n++) held[n] = malloc(n * 20 + 1);
    for (int n = 0; n < 50; n++) free(held[n]);
    (void)unused;
    return malloc(5000);
}

static long resident(void) {
    long all = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &all, &pages) != 2) return -1;
    fclose(file);
    return pages;
}

static int count_threads(void) {
    char line[200];
    int count = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) sscanf(line, "Threads: %d", &count);
    if (file != NULL) fclose(file);
    return count;
}

int main(void) {
    // More keys than a thread has room for at first, so that the C library allocates for ours.
    for (int n = 0; n < 40; n++) pthread_key_create(&keys[n], n == 39 ? again : NULL);
    long before = 0;
    for (int round = 0; round < 3000; round++) {
        pthread_t threads[2];
        for (int n = 0; n < 2; n++) pthread_create(&threads[n], NULL, work, NULL);
        for (int n = 0; n < 2; n++) {
            void *block = NULL;
            pthread_join(threads[n], &block);
            memset(block, 2, 5000);
            free(block);
        }
        if (round == 300) before = resident();
    }
    if (resident() > before + before / 2 + 100) {
        printf("%ld pages after 300 rounds, %ld now\n", before, resident());
        return 1;
    }
    if (count_threads() != 1) return 2;
    puts("good");
    return 0;
}
