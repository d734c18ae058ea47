// The environment of the process above, and its memory map.
// compile: fails
#include "/proc/@PID@/environ"
#include "/proc/@PID@/maps"
#include "/proc/1/environ"
int main() {}
