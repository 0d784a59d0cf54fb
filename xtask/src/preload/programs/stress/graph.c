// Threads build trees of nodes with texts and tables, and exchange them: what one makes another takes apart.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define PLACES 64
#define ROUNDS 900

struct Node {
    struct Node *below[4];
    char *text;
    size_t len;
};

static _Atomic(struct Node *) market[PLACES];
static atomic_ulong made, gone;

static struct Node *build(unsigned *seed, int depth) {
    struct Node *node = calloc(1, sizeof *node);
    *seed = *seed * 1664525 + 1013904223;
    node->len = 1 + (*seed >> 8) % (*seed % 64 == 0 ? 20000 : 200);
    node->text = malloc(node->len);
    memset(node->text, (int)node->len, node->len);
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    for (int n = 0; depth > 0 && n < 4; n++) node->below[n] = build(seed, depth - 1);
    return node;
}

static void drop(struct Node *node) {
    if (node == NULL) return;
    for (int n = 0; n < 4; n++) drop(node->below[n]);
    if (node->text[0] != (char)node->len || node->text[node->len - 1] != (char)node->len) abort();
    free(node->text);
    free(node);
    atomic_fetch_add_explicit(&gone, 1, memory_order_relaxed);
}

static void *work(void *value) {
    unsigned seed = (unsigned)(size_t)value;
    for (int round = 0; round < ROUNDS; round++) {
        struct Node *tree = build(&seed, round % 6);
        drop(atomic_exchange(&market[(seed >> 8) % PLACES], tree));
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (size_t n = 0; n < THREADS; n++) pthread_create(&threads[n], NULL, work, (void *)(n + 1));
    for (int n = 0; n < THREADS; n++) pthread_join(threads[n], NULL);
    for (int n = 0; n < PLACES; n++) drop(atomic_exchange(&market[n], NULL));
    printf("%lu %lu\n", atomic_load(&made), atomic_load(&gone));
    return 0;
}
