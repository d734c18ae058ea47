// A path that leads out of the folder.
// compile: fails
#include "../../../../../../../../../..@SECRET@"
int main() {}
