// A file that includes itself, twice, 200 deep.
// compile: timed out, out of memory, output too long, fails
#include __FILE__
#include __FILE__
int main() {}
