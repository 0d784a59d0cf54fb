// Two threads make batches of blocks, two others free them.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 512
#define BATCHES 3000
#define PLACES 16

struct Batch {
    unsigned char *blocks[BATCH];
};

static struct Batch *queue[PLACES];
static int first, count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t room = PTHREAD_COND_INITIALIZER, work = PTHREAD_COND_INITIALIZER;

static void *make(void *seed) {
    unsigned next = (unsigned)(size_t)seed;
    for (int n = 0; n < BATCHES; n++) {
        struct Batch *batch = malloc(sizeof *batch);
        for (int k = 0; k < BATCH; k++) {
            next = next * 1664525 + 1013904223;
            batch->blocks[k] = malloc(16 + (next >> 8) % 240);
            batch->blocks[k][0] = (unsigned char)k;
        }
        pthread_mutex_lock(&lock);
        while (count == PLACES) pthread_cond_wait(&room, &lock);
        queue[(first + count++) % PLACES] = batch;
        pthread_cond_signal(&work);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *take(void *sum) {
    for (int n = 0; n < BATCHES; n++) {
        pthread_mutex_lock(&lock);
        while (count == 0) pthread_cond_wait(&work, &lock);
        struct Batch *batch = queue[first];
        first = (first + 1) % PLACES;
        count--;
        pthread_cond_signal(&room);
        pthread_mutex_unlock(&lock);
        for (int k = 0; k < BATCH; k++) {
            *(unsigned long *)sum += batch->blocks[k][0];
            free(batch->blocks[k]);
        }
        free(batch);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[4];
    unsigned long sums[2] = {0, 0};
    for (int n = 0; n < 2; n++) {
        pthread_create(&threads[n], NULL, make, (void *)(size_t)(n + 1));
        pthread_create(&threads[n + 2], NULL, take, &sums[n]);
    }
    for (int n = 0; n < 4; n++) pthread_join(threads[n], NULL);
    printf("%lu\n", sums[0] + sums[1]);
    return 0;
}
