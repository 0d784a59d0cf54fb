// A server: each thread has slots with blocks and replaces random ones; after a while it ends and a new thread, which did not
// make the blocks, takes its slots over.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS 1000
#define LIVES 100
#define STEPS 10000

struct Shift {
    char *slots[SLOTS];
    unsigned seed;
    unsigned long sum;
};

static void *work(void *value) {
    struct Shift *shift = value;
    for (int step = 0; step < STEPS; step++) {
        shift->seed = shift->seed * 1664525 + 1013904223;
        unsigned place = (shift->seed >> 8) % SLOTS;
        if (shift->slots[place] != NULL) shift->sum += (unsigned char)shift->slots[place][1];
        free(shift->slots[place]);
        size_t len = 10 + (shift->seed >> 4) % 490;
        shift->slots[place] = malloc(len);
        shift->slots[place][0] = shift->slots[place][1] = (char)len;
    }
    return NULL;
}

int main(void) {
    static struct Shift shifts[4];
    pthread_t threads[4];
    unsigned long sum = 0;
    for (int n = 0; n < 4; n++) shifts[n].seed = n + 1;
    for (int life = 0; life < LIVES; life++) {
        for (int n = 0; n < 4; n++) pthread_create(&threads[n], NULL, work, &shifts[n]);
        for (int n = 0; n < 4; n++) pthread_join(threads[n], NULL);
    }
    for (int n = 0; n < 4; n++) sum += shifts[n].sum;
    printf("%lu\n", sum);
    return 0;
}
