// The assembler puts a hidden file into the binary.
// compile: fails
asm(".data\n.incbin \"@SECRET@\"\n");
int main() {}
