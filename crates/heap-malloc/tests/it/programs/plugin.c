// Loads and unloads a library that allocates in its constructor and frees in its destructor, and has a thread-local
// destructor, while threads allocate; starts programs by vfork and posix_spawn in between.
#include <dlfcn.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static atomic_int done;

static void *churn(void *unused) {
    char *held[64] = {0};
    for (unsigned n = 0; !done; n++) {
        free(held[n % 64]);
        held[n % 64] = malloc(n * 13 % 3000 + 1);
        memset(held[n % 64], 1, n * 13 % 3000 + 1);
    }
    for (int n = 0; n < 64; n++) free(held[n]);
    return unused;
}

static void *call(void *library) {
    void (*use)(void) = (void (*)(void))dlsym(library, "use");
    use();
    return NULL;
}

static int started(int by_vfork) {
    char *args[] = {"true", NULL};
    pid_t child;
    int status = 1;
    if (by_vfork) {
        child = vfork();
        if (child == 0) {
            execv("/bin/true", args);
            _exit(9);
        }
    } else if (posix_spawn(&child, "/bin/true", NULL, NULL, args, environ) != 0)
        return 0;
    return waitpid(child, &status, 0) == child && status == 0;
}

int main(int count, char **args) {
    char path[600], command[2000];
    if (count < 2) return 1;
    snprintf(path, sizeof path, "%s/plugin.so", args[1]);
    snprintf(command, sizeof command,
             "echo '#include <pthread.h>\n#include <stdlib.h>\nstatic char *held[100]; static pthread_key_t key;"
             "__attribute__((constructor)) static void in(void) { pthread_key_create(&key, free);"
             " for (int n = 0; n < 100; n++) held[n] = malloc(n * 50 + 1); }"
             "__attribute__((destructor)) static void out(void) { for (int n = 0; n < 100; n++) free(held[n]);"
             " pthread_key_delete(key); }"
             "void use(void) { pthread_setspecific(key, malloc(500)); }'"
             "| LD_PRELOAD= cc -xc - -shared -fPIC -O1 -o %s", path);
    if (system(command) != 0) return 2;
    pthread_t threads[3];
    for (int n = 0; n < 3; n++) pthread_create(&threads[n], NULL, churn, NULL);
    for (int n = 0; n < 200; n++) {
        pthread_t user;
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) return 3;
        pthread_create(&user, NULL, call, library);
        pthread_join(user, NULL);
        if (dlclose(library) != 0) return 4;
        if (n % 10 == 0 && !started(n % 20 == 0)) return 5;
    }
    done = 1;
    for (int n = 0; n < 3; n++) pthread_join(threads[n], NULL);
    remove(path);
    puts("good");
    return 0;
}
