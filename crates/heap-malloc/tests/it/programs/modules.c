// Compiles and loads many libraries with thread-local variables while threads allocate: each access makes the loader
// grow its tables, for which it allocates.
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULES 60

static atomic_int done;
static int (*count[MODULES])(void);
static atomic_int ready;

static void *churn(void *unused) {
    char *held[100] = {0};
    unsigned n = 0;
    while (!done || n < 10000) {
        int place = n % 100;
        free(held[place]);
        held[place] = malloc(n % 700 + 1);
        memset(held[place], 1, n % 700 + 1);
        for (int module = 0; module < ready; module++) {
            if (n % 1000 == 0 && count[module]() < 1) return "failed";
        }
        n++;
    }
    for (n = 0; n < 100; n++) free(held[n]);
    return unused;
}

int main(int arguments, char **args) {
    char path[600], command[2000];
    if (arguments < 2) return 1;
    pthread_t threads[4];
    for (int n = 0; n < 4; n++) pthread_create(&threads[n], NULL, churn, NULL);
    snprintf(command, sizeof command,
             "echo '__thread int x; static __thread char more[5000]; int count(void) { more[x %% 5000] = 1; return ++x; }' "
             "| LD_PRELOAD= cc -xc - -shared -fPIC -O1 -o %s/module.so", args[1]);
    if (system(command) != 0) return 2;
    for (int n = 0; n < MODULES; n++) {
        snprintf(path, sizeof path, "%s/module-%d.so", args[1], n);
        snprintf(command, sizeof command, "cp %s/module.so %s", args[1], path);
        if (system(command) != 0) return 3;
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) return 4;
        count[n] = (int (*)(void))dlsym(library, "count");
        ready = n + 1;
        remove(path);
    }
    done = 1;
    void *result = NULL;
    for (int n = 0; n < 4; n++) {
        pthread_join(threads[n], &result);
        if (result != NULL) return 5;
    }
    puts("good");
    return 0;
}
