// Each instance wants two others, for ever in effect.
// compile: timed out, out of memory, fails
template <unsigned long n, int depth> struct Both {
    static constexpr unsigned long value = Both<2 * n, depth - 1>::value + Both<2 * n + 1, depth - 1>::value;
};
template <unsigned long n> struct Both<n, 0> {
    static constexpr unsigned long value = n;
};
int main() { return Both<1, 40>::value == 0; }
