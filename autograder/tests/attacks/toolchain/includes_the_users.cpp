// The list of users.
// compile: fails
#include "/etc/passwd"
int main() {}
