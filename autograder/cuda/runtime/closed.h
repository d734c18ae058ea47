// The last line of ours before a student's file: from here on, names that belong to the compiler
// mean nothing, not even when macros glue them together. source.py refuses what it sees written.
#pragma once
#define asm on_cpu_inline_ptx_is_not_emulated
#define __asm on_cpu_inline_ptx_is_not_emulated
#define __asm__ on_cpu_inline_ptx_is_not_emulated
#define __attribute on_cpu_attributes_are_not_used_here
#define __attribute__ on_cpu_attributes_are_not_used_here
#define __declspec on_cpu_attributes_are_not_used_here
#define gnu on_cpu_attributes_are_not_used_here
#define clang on_cpu_attributes_are_not_used_here
