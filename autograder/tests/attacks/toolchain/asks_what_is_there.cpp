// Whether a hidden file exists decides whether this compiles.
// compile: fails
#if __has_include("@SECRET@") || __has_include("/etc/passwd")
int main() {}
#else
#error nothing is there
#endif
