"""Run as a script, alone: a request as JSON on standard input, NVRTC's words on standard output."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

# What kernels take for granted and NVRTC leaves to headers.
PRELUDE = """
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#define CUDART_INF_F INFINITY
#define CUDART_NAN_F NAN
#define CUDART_PI_F 3.141592654f
#define M_PI 3.14159265358979323846
#define FLT_MAX 3.402823466e+38f
#define FLT_MIN 1.175494351e-38f
#define FLT_EPSILON 1.192092896e-07f
#define DBL_MAX 1.7976931348623158e+308
#define DBL_EPSILON 2.2204460492503131e-16
#define INT_MAX 2147483647
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX 4294967295u
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
"""


def include_folders() -> list[str]:
    """Where the wheels of CUDA put their headers."""
    nvidia = importlib.import_module("nvidia")
    folders = [Path(root) for root in nvidia.__path__]
    return [str(p) for root in folders for p in sorted(root.glob("*/include"))]


def compile_one(nvrtc: Any, wanted: dict[str, Any], architecture: str) -> str:
    """NVRTC's log if it refuses, else ""."""
    headers = {name: "" for name in wanted["empty_headers"]}
    headers["prelude.h"] = PRELUDE
    _, program = nvrtc.nvrtcCreateProgram(
        wanted["source"].encode(),
        wanted["name"].encode(),
        len(headers),
        [text.encode() for text in headers.values()],
        [name.encode() for name in headers],
    )
    for kernel in wanted["kernels"]:
        nvrtc.nvrtcAddNameExpression(program, kernel.encode())
    options = [f"--gpu-architecture={architecture}", "--std=c++17", "--pre-include=prelude.h"]
    options += [f"--include-path={folder}" for folder in include_folders()]
    (result,) = nvrtc.nvrtcCompileProgram(program, len(options), [o.encode() for o in options])
    if int(result) == 0:
        return ""
    _, size = nvrtc.nvrtcGetProgramLogSize(program)
    log = b" " * size
    nvrtc.nvrtcGetProgramLog(program, log)
    return log.decode(errors="replace").strip(" \0\n") or "refused without a word"


def main() -> None:
    wanted = json.load(sys.stdin)
    try:
        nvrtc = importlib.import_module("cuda.bindings.nvrtc")
        _, major, minor = nvrtc.nvrtcVersion()
        include_folders()
    except Exception as error:  # of many kinds: a missing wheel, library or symbol
        json.dump({"unavailable": f"NVRTC does not load ({type(error).__name__})"}, sys.stdout)
        return
    logs = {a: compile_one(nvrtc, wanted, a) for a in wanted["architectures"]}
    failed = {a: log for a, log in logs.items() if log}
    json.dump({"failed": failed, "version": f"{major}.{minor}"}, sys.stdout)


if __name__ == "__main__":
    main()
