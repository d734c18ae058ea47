// The assembler reads a hidden file as a source, and says what it does not understand.
// compile: fails
asm(".include \"@SECRET@\"\n");
int main() {}
