// Four threads make, trade and check blocks while children are forked that do the same.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

struct Block {
    unsigned char *bytes;
    size_t len;
    unsigned char mark;
};

static std::mutex lock;
static std::deque<Block> market;

static void check(const Block &block) {
    for (size_t n = 0; n < block.len; n++)
        if (block.bytes[n] != block.mark) {
            std::puts("a block has changed");
            std::_Exit(1);
        }
}

static unsigned long work(unsigned seed, int steps) {
    unsigned long sum = 0;
    std::map<std::string, std::vector<Block>> mine;
    for (int step = 0; step < steps; step++) {
        seed = seed * 1664525 + 1013904223;
        size_t len = (seed >> 8) % (step % 100 == 0 ? 100000 : 600) + 1;
        Block block{static_cast<unsigned char *>(std::malloc(len)), len, static_cast<unsigned char>(seed)};
        std::memset(block.bytes, block.mark, len);
        auto &shelf = mine["shelf " + std::to_string(seed % 50)];
        shelf.push_back(block);
        if (shelf.size() < 20) continue;
        std::vector<Block> traded(shelf.begin(), shelf.begin() + 10);
        shelf.erase(shelf.begin(), shelf.begin() + 10);
        {
            std::lock_guard<std::mutex> guard(lock);
            market.insert(market.end(), traded.begin(), traded.end());
            traded.assign(market.begin(), market.begin() + 10);
            market.erase(market.begin(), market.begin() + 10);
        }
        for (const auto &other : traded) {
            check(other);
            std::free(other.bytes);
        }
        sum += 10;
    }
    for (const auto &entry : mine)
        for (const auto &other : entry.second) {
            check(other);
            std::free(other.bytes);
            sum++;
        }
    return sum;
}

int main() {
    std::vector<unsigned long> sums(4);
    std::vector<std::thread> threads;
    for (unsigned n = 0; n < 4; n++) threads.emplace_back([n, &sums] { sums[n] = work(n, 300000); });
    int good = 0;
    for (int n = 0; n < 20; n++) {
        lock.lock(); // The child must find the market whole.
        pid_t child = fork();
        lock.unlock();
        if (child == 0) _exit(work(100 + n, 2000) == 2000 ? 0 : 1);
        int status = 1;
        waitpid(child, &status, 0);
        good += status == 0;
    }
    unsigned long sum = 0;
    for (auto &thread : threads) thread.join();
    for (unsigned long part : sums) sum += part;
    std::printf("%lu blocks, %d children\n", sum + market.size(), good);
}
