// The path of a hidden file comes from a macro.
// compile: fails
#define TEXT(x) #x
#define PATH TEXT(@SECRET@)
#include PATH
int main() {}
