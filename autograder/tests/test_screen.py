"""What a source may not hold, however it is written; and that honest sources pass."""

import shutil
import subprocess
from pathlib import Path

import pytest

from autograder.sandbox.screen import MOST_BYTES, screen

HONEST = r"""
#include <cuda_fp16.h>
#include "mma.h"  // tensor cores
#include <cmath> /* asm("nop"); */
#define TILE 32
#define TEXT(x) #x
#define CLAMP(x, low, high) ((x) < (low) ? (low) : (x) > (high) ? (high) : (x))
#
#ifdef __CUDA_ARCH__
#endif
#pragma unroll 4
#pragma once
// a comment that goes on \
   asm("in the next line")
/* #include "/etc/passwd"
   __attribute__((constructor)) */
template <typename T, int main_size = 1'000>
__device__ __forceinline__ T sum(const T* x) {
    const char* text = "asm volatile, #include <vector>, what??! and \"main()\"";
    char c = '"', d = '\'';
    constexpr int table[2] = {0x1'f, 1e+3 > 2};
    const int section = table[table[0] ? 0 : 1], weak = 3, used = section % weak;
    return x[used] + T(c - d) + T(text[0]);
}
extern "C" __global__ void __launch_bounds__(256, 2) scale(float* out, const float* x, int n) {
    extern __shared__ float rows[];
    __shared__ __align__(16) float tile[TILE][TILE + 1];
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        out[i] = x[i] * tile[0][1];
}
extern "C" {
__device__ float helper(float x);
__global__ void other(float* out) { out[0] = helper(1.0f); }
}
__device__ float helper(float x) { return x; }
namespace mine { __device__ int main_loop(int alias) { return alias; } }
[[maybe_unused]] static __device__ int nothing;
struct __align__(8) Pair { float a, b; };
"""


def test_an_honest_source_passes() -> None:
    assert screen(HONEST) == ""


@pytest.mark.parametrize(
    ("source", "line", "word"),
    [
        ('#include "/etc/passwd"', 1, "#include of"),
        ("#include <vector>", 1, "#include of"),
        ('#include "../secret"', 1, "#include of"),
        ("\n#  include  <iostream>", 2, "#include of"),
        ("/* */ # /* */ include /* */ <iostream>", 1, "#include of"),
        ('%:include "/etc/passwd"', 1, "#include of"),
        ('#inc\\\nlude "/etc/passwd"', 1, "#include of"),
        ('#inc\\  \nlude "/etc/passwd"', 1, "#include of"),
        ('#define H "/etc/passwd"\n#include H', 2, "#include of"),
        ('#include <math.h> "/etc/passwd"', 1, "#include of"),
        ("#include_next <math.h>", 1, "#include_next"),
        ("#import <math.h>", 1, "#import"),
        ('#embed "/etc/passwd"', 1, "#embed"),
        ('\n\n# 1 "/etc/passwd" 3', 3, "#1"),
        ('#line 3 "other"', 1, "#line"),
        ("#if __has_include(</etc/passwd>)\n#endif", 1, "__has_include"),
        ('#pragma GCC dependency "/etc/passwd"', 1, "pragma"),
        ("#pragma GCC system_header", 1, "pragma"),
        ("#pragma", 1, "pragma"),
        ('_Pragma("GCC poison x")', 1, "_Pragma"),
        ("import <vector>;", 1, "modules"),
        ("export module m;", 1, "modules"),
        ('asm("nop");', 1, "assembly"),
        ('int f() {\n __asm__ volatile("nop"); }', 2, "assembly"),
        ('a\\\ns\\\nm("nop");', 1, "assembly"),
        ('/* "*/ asm("nop"); /* " */', 1, "assembly"),
        ("const char* a = \"//\"; asm(\"nop\");", 1, "assembly"),
        ("char a = '\"'; asm(\"nop\"); char b = '\"';", 1, "assembly"),
        ("int a = 1'0; asm(\"1'\");", 1, "assembly"),
        ("// a comment ends here\\ \n still\nasm(0);", 3, "assembly"),
        ("#define P(a, b) a##b\nP(as, m)(0);", 1, "##"),
        ("#define P(a, b) a%:%:b", 1, "##"),
        ("\\u0061sm(0);", 1, "backslash"),
        ('char* a = R"(")"; asm(0); //")";', 1, "assembly"),
        ('char* a = LR"x(a)x";', 1, "raw string"),
        ("??=include </etc/passwd>", 1, "trigraphs"),
        ("__attribute__((constructor)) void f() {}", 1, "attribute constructor"),
        ("void f() __attribute((__destructor__(101)));", 1, "attribute destructor"),
        ('[[gnu::section(".init_array")]] void* f;', 1, "attributes of gnu"),
        ("<:<:using clang: weak:>:> int f;", 1, "attributes of clang"),
        ('__attribute__((\naligned(4), ifunc("g"))) int f();', 2, "attribute ifunc"),
        ("#define A __attribute__\nA((constructor)) void f() {}", 1, "macro"),
        ("#define f main\nint f() {}", 1, "macro"),
        ('#define E extern "C"', 1, "macro"),
        ("int main() {}", 1, "main"),
        ("namespace a { }\nint main(int c, char** v) {}", 2, "main"),
        ('extern "C" long syscall(long, ...);', 1, "syscall"),
        ('extern "C" {\nint a;\nint open(const char*, int, ...);\n}', 1, "open"),
        ("int a;\0int b;", 1, "character"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named_with_its_line(source: str, line: int, word: str) -> None:
    said = screen(source)
    assert said.startswith(f"line {line}: "), said
    assert word in said
    assert "\n" not in said


def test_a_file_that_is_too_large_is_refused() -> None:
    assert "larger" in screen("x" * (MOST_BYTES + 1))
    assert screen("x" * MOST_BYTES) == ""


@pytest.mark.parametrize("text", ["", "\\", "/*", '"', "'", 'R"(', "#", "??", "[[", "%:", "\ud800"])
def test_fragments_are_no_trouble(text: str) -> None:
    assert isinstance(screen(text), str)


def test_the_first_problem_is_the_one_that_is_told() -> None:
    assert screen("int a;\nasm(0);\n#import <x>\n").startswith("line 2: ")


@pytest.mark.skipif(not shutil.which("g++"), reason="there is no g++")
@pytest.mark.parametrize(
    "source",
    [
        'a\\\ns\\\nm("nop");',
        '/* "*/ asm("nop"); /* " */',
        "char a = '\"'; asm(\"nop\"); char b = '\"';",
        '// a comment ends here\\ \n still\nasm("nop");',
        '#define P(a, b) a##b\nP(as, m)("nop");',
    ],
)
def test_the_compiler_sees_assembly_where_the_screen_does(source: str, tmp_path: Path) -> None:
    """An oracle for how the text is cut into tokens."""
    path = tmp_path / "a.cpp"
    path.write_text(source)
    argv = ["g++", "-std=c++17", "-w", "-S", "-o", "-", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert "\tnop" in done.stdout, done.stderr
    assert screen(source)
