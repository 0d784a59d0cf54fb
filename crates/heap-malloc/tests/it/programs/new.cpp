// Out of memory in C++: exceptions, handlers, null.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

struct alignas(256) Wide {
    char bytes[256];
};

static int calls;

static void handler() {
    if (++calls == 3) std::set_new_handler(nullptr);
}

struct Tired {};

static void tired() { throw Tired(); }

// A block that cannot be had; volatile, so that the compiler does not drop it.
static volatile std::size_t absurd = PTRDIFF_MAX;

int main() {
    try {
        ::operator new(absurd);
        return 1;
    } catch (const std::bad_alloc &) {
    }
    for (int form = 0; form < 4; form++) try {
        if (form == 0) ::operator new(absurd);
        if (form == 1) ::operator new[](absurd);
        if (form == 2) ::operator new(absurd, std::align_val_t(64));
        if (form == 3) ::operator new[](absurd, std::align_val_t(1 << 20));
        return 10 + form;
    } catch (const std::bad_alloc &) {
    }
    std::set_new_handler(handler);
    try {
        ::operator new[](absurd);
        return 2;
    } catch (const std::bad_alloc &) {
    }
    if (calls != 3) return 3;
    std::set_new_handler(tired);
    try {
        ::operator new(absurd, std::align_val_t(64));
        return 4;
    } catch (const Tired &) {
    }
    std::set_new_handler(nullptr);
    if (::operator new(absurd, std::nothrow) != nullptr) return 5;
    std::vector<std::string> words;
    for (int n = 0; n < 10000; n++) words.push_back(std::string(n % 100, 'x'));
    for (int n = 0; n < 100; n++) {
        Wide *one = new Wide, *many = new Wide[n];
        if (reinterpret_cast<std::uintptr_t>(one) % 256 || reinterpret_cast<std::uintptr_t>(many) % 256) return 6;
        delete one;
        delete[] many;
        delete[] new (std::nothrow) int[n];
    }
    std::puts("good");
}
