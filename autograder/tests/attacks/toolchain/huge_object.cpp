// An array that makes the binary 8 GB large.
// compile: files too large, out of memory, fails
char large[1ul << 33] = {1};
int main() { return large[7]; }
