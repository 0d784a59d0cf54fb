// Forks 300 times while four threads allocate; each child allocates, and makes threads.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int done;

static int churn(int rounds) {
    char *held[100] = {0};
    for (int n = 0; n < rounds; n++) {
        int place = n % 100;
        size_t len = n % 50 == 0 ? 100000 : (size_t)(n * 31) % 2000 + 1;
        free(held[place]);
        held[place] = malloc(len);
        if (held[place] == NULL) return 1;
        memset(held[place], n, len);
    }
    for (int n = 0; n < 100; n++) free(held[n]);
    return 0;
}

static void *work(void *unused) {
    while (!done) churn(1000);
    return unused;
}

static void *little(void *unused) { return churn(200) ? "failed" : unused; }

static int child(void) {
    pthread_t thread;
    void *result = NULL;
    alarm(20);
    if (churn(500) || pthread_create(&thread, NULL, little, NULL) || pthread_join(thread, &result)) return 1;
    return result != NULL;
}

int main(void) {
    pthread_t threads[4];
    for (int n = 0; n < 4; n++) pthread_create(&threads[n], NULL, work, NULL);
    for (int n = 0; n < 300; n++) {
        pid_t made = fork();
        if (made == 0) _exit(child());
        int status = 1;
        if (made < 0 || waitpid(made, &status, 0) != made || status != 0) {
            printf("child %d: status %d\n", n, status);
            return 1;
        }
    }
    done = 1;
    for (int n = 0; n < 4; n++) pthread_join(threads[n], NULL);
    puts("good");
    return 0;
}
