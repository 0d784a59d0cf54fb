// Loads the library named by the first argument, uses it on threads that were there before and on new ones, closes it.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void *(*take)(size_t);
static void (*give)(void *);
static pthread_barrier_t loaded;

static int use(int rounds) {
    void *held[64] = {0};
    for (int n = 0; n < rounds; n++) {
        int place = n % 64;
        give(held[place]);
        size_t len = (size_t)(n * 37) % 3000 + 1;
        held[place] = take(len);
        if (held[place] == NULL) return 1;
        memset(held[place], n, len);
    }
    for (int n = 0; n < 64; n++) give(held[n]);
    return 0;
}

static void *old_thread(void *unused) {
    pthread_barrier_wait(&loaded);
    return use(100000) ? "failed" : unused;
}

static void *new_thread(void *unused) { return use(100) ? "failed" : unused; }

int main(int count, char **args) {
    if (count < 2) return 1;
    pthread_t old[4];
    pthread_barrier_init(&loaded, NULL, 5);
    for (int n = 0; n < 4; n++) pthread_create(&old[n], NULL, old_thread, NULL);
    void *library = dlopen(args[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        puts(dlerror());
        return 2;
    }
    take = (void *(*)(size_t))dlsym(library, "malloc");
    give = (void (*)(void *))dlsym(library, "free");
    pthread_barrier_wait(&loaded);
    void *result = NULL;
    for (int n = 0; n < 4; n++) {
        pthread_join(old[n], &result);
        if (result != NULL) return 3;
    }
    for (int n = 0; n < 200; n++) {
        pthread_t fresh;
        pthread_create(&fresh, NULL, new_thread, NULL);
        pthread_join(fresh, &result);
        if (result != NULL) return 4;
    }
    void *block = take(100);
    dlclose(library);
    // The library stays: its blocks and its functions are still there.
    memset(block, 1, 100);
    give(block);
    puts("good");
    return 0;
}
