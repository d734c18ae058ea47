// A constant that takes very long to compute, in steps that are each within the compiler's limits.
// compile: timed out, out of memory
constexpr unsigned long hard(unsigned long n) {
    unsigned long sum = n;
    for (unsigned long i = 0; i < 250000; ++i) sum = sum * 6364136223846793005ul + i;
    return sum;
}
template <unsigned long n> struct Many {
    static constexpr unsigned long value = hard(n) + Many<n - 1>::value;
};
template <> struct Many<0> {
    static constexpr unsigned long value = 0;
};
int main() { return Many<800>::value == 0; }
