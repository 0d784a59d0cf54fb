// Templates enough to keep a compiler busy.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N> struct Tower {
    using Value = std::tuple<typename Tower<N - 1>::Value, std::vector<int>>;
    std::map<std::string, std::variant<int, std::string, std::shared_ptr<Tower<N - 1>>>> below;
    int height() const { return static_cast<int>(below.size()) + Tower<N - 1>{}.height(); }
};
template <> struct Tower<0> {
    using Value = std::tuple<int>;
    int height() const { return 0; }
};

template <std::size_t... I> int sum(std::index_sequence<I...>) { return (Tower<I % 24>{}.height() + ... + 0); }

int main() {
    std::regex word("[a-z]+");
    std::unordered_map<std::string, std::vector<std::smatch>> found;
    std::vector<std::unique_ptr<std::string>> texts;
    std::sort(texts.begin(), texts.end(), [](const auto &a, const auto &b) { return *a < *b; });
    std::cout << sum(std::make_index_sequence<24>{}) << found.size() << '\n';
}
