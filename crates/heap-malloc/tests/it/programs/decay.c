// Takes 200 MiB, frees them, and goes on with a little work: resident memory must fall without a call for it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long resident_mib(void) {
    long all = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &all, &pages) != 2) return -1;
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE) >> 20;
}

int main(void) {
    enum { COUNT = 200000 };
    char **blocks = malloc(COUNT * sizeof *blocks);
    for (int n = 0; n < COUNT; n++) {
        blocks[n] = malloc(1000);
        memset(blocks[n], 1, 1000);
    }
    long full = resident_mib();
    for (int n = 0; n < COUNT; n++) free(blocks[n]);
    free(blocks);
    for (int tick = 0; tick < 40; tick++) {
        usleep(50000);
        char *few[3000];
        for (int n = 0; n < 3000; n++) few[n] = malloc(500);
        for (int n = 0; n < 3000; n++) free(few[n]);
    }
    long after = resident_mib();
    if (after > full / 4) {
        printf("%ld MiB of %ld are still resident\n", after, full);
        return 1;
    }
    puts("good");
    return 0;
}
