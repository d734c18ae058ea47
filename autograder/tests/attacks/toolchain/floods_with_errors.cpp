// Far more errors than anybody reads.
// compile: output too long
#define A error_@@@ -> ;
#define B A A A A A A A A A A
#define C B B B B B B B B B B
#define D C C C C C C C C C C
int main() { D }
