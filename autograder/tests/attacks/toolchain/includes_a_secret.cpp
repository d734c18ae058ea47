// A hidden file's first line is in the error message.
// compile: fails
#include "@SECRET@"
int main() {}
