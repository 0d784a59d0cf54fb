// Blocks of a few sizes, freed in the order they came, in the reverse one, and every other one first; by two threads.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT 4000
#define ROUNDS 500

static void *work(void *seed) {
    static const size_t sizes[] = {24, 40, 64, 96, 200, 330, 512, 800};
    unsigned long sum = 0;
    char **blocks = malloc(COUNT * sizeof *blocks);
    for (int round = 0; round < ROUNDS; round++) {
        for (int n = 0; n < COUNT; n++) {
            blocks[n] = malloc(sizes[(n + round) % 8]);
            blocks[n][0] = (char)n;
        }
        for (int n = 0; n < COUNT; n++) sum += (unsigned char)blocks[n][0];
        if (round % 3 == 0)
            for (int n = 0; n < COUNT; n++) free(blocks[n]);
        if (round % 3 == 1)
            for (int n = COUNT; n-- > 0;) free(blocks[n]);
        if (round % 3 == 2)
            for (int half = 0; half < 2; half++)
                for (int n = half; n < COUNT; n += 2) free(blocks[n]);
    }
    free(blocks);
    *(unsigned long *)seed = sum;
    return NULL;
}

int main(void) {
    pthread_t thread;
    unsigned long sums[2];
    pthread_create(&thread, NULL, work, &sums[0]);
    work(&sums[1]);
    pthread_join(thread, NULL);
    printf("%lu %lu\n", sums[0], sums[1]);
    return 0;
}
