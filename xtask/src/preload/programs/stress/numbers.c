// Long numbers, each in a block of its own: the digits of e and of factorials, as a calculator without end makes them.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    int len;
    uint32_t digits[];
} Number;

static Number *number(int len) {
    Number *made = malloc(sizeof *made + len * sizeof(uint32_t));
    made->len = len;
    return made;
}

static Number *times(const Number *a, uint32_t b) {
    uint64_t carry = 0;
    Number *made = number(a->len + 1);
    for (int n = 0; n < a->len; n++) {
        carry += (uint64_t)a->digits[n] * b;
        made->digits[n] = (uint32_t)carry;
        carry >>= 32;
    }
    made->digits[a->len] = (uint32_t)carry;
    made->len -= carry == 0;
    return made;
}

static Number *plus(const Number *a, const Number *b) {
    const Number *longer = a->len > b->len ? a : b, *other = longer == a ? b : a;
    uint64_t carry = 0;
    Number *made = number(longer->len + 1);
    for (int n = 0; n < longer->len; n++) {
        carry += (uint64_t)longer->digits[n] + (n < other->len ? other->digits[n] : 0);
        made->digits[n] = (uint32_t)carry;
        carry >>= 32;
    }
    made->digits[longer->len] = (uint32_t)carry;
    made->len -= carry == 0;
    return made;
}

static uint32_t rest(const Number *a, uint32_t by) {
    uint64_t left = 0;
    for (int n = a->len; n-- > 0;) left = ((left << 32) + a->digits[n]) % by;
    return (uint32_t)left;
}

int main(void) {
    uint64_t sum = 0;
    for (uint32_t start = 1; start <= 30000; start++) {
        Number *value = number(1), *all = number(1);
        value->digits[0] = start;
        all->digits[0] = 0;
        for (uint32_t n = 1; n < 60; n++) {
            Number *next = times(value, n * 7919 + start), *more = plus(all, next);
            free(value);
            free(all);
            value = next;
            all = more;
            if (n % 8 == 0) {
                sum += rest(all, 1000003);
                Number *small = times(all, 3);
                sum += rest(small, 65521);
                free(small);
            }
        }
        free(value);
        free(all);
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
