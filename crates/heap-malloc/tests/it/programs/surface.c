// Every function of glibc's headers and of the C++ library that hands blocks out, takes them or tells of them is the library's
// own, whose path is the first argument: one that is not would get blocks of another heap.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *names[] = {
    "malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "free_sized", "free_aligned_sized", "posix_memalign",
    "aligned_alloc", "memalign", "valloc", "pvalloc", "malloc_usable_size", "malloc_trim", "mallinfo", "mallinfo2", "mallopt",
    "malloc_stats", "_Znwm", "_Znam", "_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t", "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t", "_ZnwmSt11align_val_tRKSt9nothrow_t", "_ZnamSt11align_val_tRKSt9nothrow_t", "_ZdlPv", "_ZdaPv",
    "_ZdlPvm", "_ZdaPvm", "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t", "_ZdlPvmSt11align_val_t",
    "_ZdaPvmSt11align_val_t", "_ZdlPvRKSt9nothrow_t", "_ZdaPvRKSt9nothrow_t", "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    "_ZdaPvSt11align_val_tRKSt9nothrow_t",
};

int main(int count, char **args) {
    if (count < 2) return 1;
    void *library = dlopen(args[1], RTLD_NOW | RTLD_LOCAL);
    Dl_info info;
    for (unsigned n = 0; library != NULL && n < sizeof names / sizeof *names; n++) {
        void *place = dlsym(library, names[n]);
        if (place == NULL || dladdr(place, &info) == 0 || strcmp(info.dli_fname, args[1]) != 0) {
            printf("%s is not there\n", names[n]);
            return 2;
        }
    }
    void *(*take)(size_t) = (void *(*)(size_t))dlsym(library, "malloc");
    struct mallinfo2 (*ask)(void) = (struct mallinfo2(*)(void))dlsym(library, "mallinfo2");
    struct mallinfo (*ask_old)(void) = (struct mallinfo(*)(void))dlsym(library, "mallinfo");
    void (*tell)(void) = (void (*)(void))dlsym(library, "malloc_stats");
    size_t before = ask().uordblks;
    if (take(1 << 20) == NULL || take(40 << 20) == NULL) return 3;
    struct mallinfo2 after = ask();
    if (after.uordblks < before + (1 << 20) || after.hblks != 1 || after.hblkhd < 40u << 20) return 4;
    if (after.arena != after.uordblks + after.fordblks || ask_old().hblkhd != (int)after.hblkhd) return 5;
    tell();
    puts("good");
    return 0;
}
