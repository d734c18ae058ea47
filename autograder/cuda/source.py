"""Read a CUDA source: what it may not contain, which kernels it has, and its form for a CPU.

Nothing is parsed that a compiler parses better. Comments and texts are blanked out, lines keep
their numbers, and three things are looked for: constructs that are not emulated, declarations in
shared and constant memory, and the heads of kernels.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice

from .forbidden import FORBIDDEN, HARMLESS, HEADERS
from .problem import Problem, Refused

MOST_BYTES = 300_000
MOST_HEAD = 2_000  # characters of a function's head that are looked at
MOST_NAMES = 200  # kernels, or arrays in constant memory
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w*)(.*)$", re.MULTILINE)
_ALLOWED_DIRECTIVES = (
    *("include", "define", "undef", "if", "ifdef", "ifndef", "elif", "else", "endif"),
    *("error", "pragma"),
)


_MARKED = re.compile(r"\b(__device__|__global__)\b|=")


@dataclass(frozen=True)
class Kernel:
    """A `__global__` function: its name, the names of its parameters, and its line."""

    name: str
    parameters: tuple[str, ...]
    line: int


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def blanked(text: str) -> str:
    """The text with comments and the insides of texts replaced by blanks, same length."""
    token = re.compile(
        r"//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
    )

    def blank(found: re.Match[str]) -> str:
        part = found[0]
        return part[0] + _blank(part[1:-1]) + part[-1] if part[0] in "\"'" else _blank(part)

    # A digit separator (1'000) is no character.
    return token.sub(blank, re.sub(r"(?<=\d)'(?=\d)", "_", text))


class Source:
    """A student's file, looked at but not run."""

    def __init__(self, text: str, name: str = "kernel.cu") -> None:
        self.text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.name = re.sub(r"[^\w.-]", "_", name) or "kernel.cu"
        self.code = blanked(self.text)
        self._starts = [0, *(m.end() for m in re.finditer("\n", self.text))]

    def line(self, offset: int) -> int:
        return bisect_right(self._starts, offset)

    def refusals(self) -> tuple[Problem, ...]:
        """Everything that cannot be built here, in order of lines."""
        if len(self.text.encode()) > MOST_BYTES:
            message = f"the file is larger than {MOST_BYTES // 1000} kB"
            return (Problem("refused", message),)
        found = [
            Problem("refused", sentence, self.line(m.start()))
            for pattern, sentence in FORBIDDEN
            for m in re.finditer(pattern, self.code)
        ]
        for m in re.finditer(r"\\(?!\n)", self.code):
            found.append(Problem("refused", "a stray backslash", self.line(m.start())))
        # A name split over two lines is a name all the same.
        for m in re.finditer(r"\w\\\n\w", self.code):
            message = "a name may not be split over two lines"
            found.append(Problem("refused", message, self.line(m.start())))
        for m in _DIRECTIVE.finditer(self.code):
            problem = self._directive(m)
            if problem:
                found.append(Problem("refused", problem, self.line(m.start())))
        for m in re.finditer(r"__host__", self.code):
            around = self.code[max(0, m.start() - 40) : m.end() + 40].replace("\n", " ")
            if "__device__" not in around:
                message = "this is host code: the file holds kernels only"
                found.append(Problem("refused", message, self.line(m.start())))
        found += self._file_scope_shared()
        found += self._host_functions()
        unique = {(p.line, p.message): p for p in found}
        return tuple(sorted(unique.values(), key=lambda p: p.line))

    def _directive(self, found: re.Match[str]) -> str:
        word, rest = found[1], found[2].strip()
        if word and word not in _ALLOWED_DIRECTIVES:
            return f"#{word} is not used here"
        if word == "include":
            written = self.text[found.start(2) : found.end(2)].split("//")[0].strip()
            header = re.fullmatch(r"[<\"]([^>\"]*)[>\"]", written)
            if not header or header[1] not in (*HEADERS, *HARMLESS):
                names = ", ".join(HEADERS)
                what = header[1] if header else written
                return f"#include of {what[:60]!r}: a kernel may include {names} and nothing else"
        if word == "pragma" and rest.split(" ")[0].split("(")[0] not in ("unroll", "once"):
            return "of pragmas, only #pragma unroll is used here"
        if word in ("undef", "define") and re.match(r"_|[a-z]+(Idx|Dim)\b|warpSize", rest):
            return "names that begin with an underscore, and CUDA's own, may not be redefined"
        return ""

    def _file_scope_shared(self) -> list[Problem]:
        depth, found = 0, []
        for m in re.finditer(r"[{}]|\b__shared__\b", self.code):
            depth += {"{": 1, "}": -1}.get(m[0], 0)
            if m[0] == "__shared__" and depth == 0:
                message = "declare __shared__ arrays inside of the kernel that uses them"
                found.append(Problem("refused", message, self.line(m.start())))
        return found

    def _host_functions(self) -> list[Problem]:
        """Functions of the file that are marked neither __device__ nor __global__."""
        code = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda m: _blank(m[0]), self.code, flags=re.M)
        macros = {m[1]: m[2] for m in re.finditer(r"#\s*define\s+(\w+)(.*)", self.code)}
        marks = [name for name, body in macros.items() if _MARKED.search(body)]
        marked = re.compile(rf"{_MARKED.pattern}|\b({'|'.join([*marks, '__device__'])})\b")
        depth, start, found = 0, 0, []
        for m in re.finditer(r"[{};]", code):
            head = code[max(start, m.start() - MOST_HEAD) : m.start()]
            if m[0] == "{":
                scope = re.search(r"\bnamespace\b[\w\s:]*$|\bextern\s*\"\s*\"\s*$", head)
                name = re.search(
                    r"(operator\s*[^\s\w(]+|[\w:~]+)\s*\([^{}]*\)\s*(?:const|noexcept|\s)*$", head
                )
                if (
                    depth == 0
                    and name
                    and not scope
                    and not marked.search(head)
                    and name[1] not in macros
                ):
                    message = (
                        f"{name[1]} must be marked __device__ (or __global__): without it, the "
                        "device compiler takes it for host code"
                    )
                    found.append(
                        Problem("refused", message, self.line(m.start() - len(head) + name.start()))
                    )
                depth += 0 if depth == 0 and scope else 1
            elif m[0] == "}":
                depth = max(depth - 1, 0)
            start = m.end()
        return found

    def kernels(self) -> tuple[Kernel, ...]:
        """Every kernel that is no template, in order."""
        kernels = {}
        for m in islice(re.finditer(r"\b__global__\b", self.code), MOST_NAMES):
            before = self.code[max(0, m.start() - MOST_HEAD // 4) : m.start()]
            after = self.code[m.end() : m.end() + MOST_HEAD]
            head = _KERNEL_HEAD.match(after)
            if head is None or re.search(r"\btemplate\s*<[^{};]*>[^{};]*$", before):
                continue
            parameters = _in_brackets(after, head.end())
            if parameters is not None:
                line = self.line(m.end() + head.start(1))
                kernels[head[1]] = Kernel(head[1], _names(parameters), line)
        return tuple(kernels.values())

    def parameters_of(self, kernel: str) -> tuple[str, ...]:
        """The names of a kernel's parameters; of a template's, too ("scale<4>")."""
        bare = kernel.partition("<")[0].strip()
        found = re.finditer(rf"\b{re.escape(bare)}\s*\(", self.code)
        for m in islice(found, MOST_NAMES):
            parameters = _in_brackets(self.code[m.end() : m.end() + MOST_HEAD], 0)
            if parameters is not None:
                return _names(parameters)
        return ()

    def constants(self) -> tuple[str, ...]:
        """Names in constant memory."""
        declared = re.compile(r"\s+[\w\s:]*?\b(\w+)\s*(?:\[[^\]]*\]\s*)*[;={]")
        places = islice(re.finditer(r"\b__constant__\b", self.code), MOST_NAMES)
        found = (declared.match(self.code[m.end() : m.end() + MOST_HEAD // 4]) for m in places)
        return tuple(dict.fromkeys(m[1] for m in found if m))

    def barriers(self) -> tuple[int, ...]:
        """The lines of barriers, of the block and of a warp."""
        found = re.finditer(r"__sync(?:threads\w*|warp)\s*\(", self.code)
        return tuple(dict.fromkeys(self.line(m.start()) for m in found))

    def for_cpu(self, kernels: tuple[str, ...]) -> str:
        """The translation unit: what stands before, the student's lines, the table of launches.

        Raises:
            Refused: A declaration in shared memory cannot be read.
        """
        table = "".join(f'    on_cpu::Call<&{k}>::as("{k}"),\n' for k in kernels)
        constants = "".join(
            f'    {{"{c}", (void*)&{c}, sizeof({c}), '
            f"on_cpu::element<decltype({c})>(true, true)}},\n"
            for c in self.constants()
        )
        return (
            '#include "device.h"\n#include "cuda_bf16.h"\n#include "closed.h"\n'
            f'#line 1 "{self.name}"\n{self._rewritten()}\n#line 1 "launches"\n'
            '#include "call.h"\n'
            f"const on_cpu::Kernel on_cpu::kernels[] = {{\n{table}    {{}}}};\n"
            f"const on_cpu::Constant on_cpu::constants[] = {{\n{constants}    {{}}}};\n"
        )

    def _rewritten(self) -> str:
        """The student's text with shared memory declared our way; every line stays in place."""
        declaration = re.compile(
            r"((?:\b(?:extern|volatile|static)\s+)*)(?<!\w)__shared__\b([^;]{0,500});"
        )
        pieces, at = [], 0
        for m in declaration.finditer(self.code):
            line = self.line(m.start())
            new = _dynamic(m[2], line) if "extern" in m[1] else _static(m[2], line)
            if new is None:
                message = (
                    "this __shared__ declaration cannot be read: "
                    "write `__shared__ type name[size];`"
                )
                raise Refused((Problem("refused", message, line),))
            pieces += [self.text[at : m.start()], new, "\n" * m[0].count("\n")]
            at = m.end()
        text = "".join([*pieces, self.text[at:]])
        headers = "|".join(map(re.escape, HARMLESS))
        text = re.sub(rf"^[ \t]*#[ \t]*include[ \t]*[<\"]({headers})[>\"]", "", text, flags=re.M)
        return re.sub(r"^([ \t]*#[ \t]*pragma[ \t]+)unroll\b.*$", "", text, flags=re.M)


_PREFIX = re.compile(
    r"\s*(?:(?:__align__|alignas)\s*\([^()]*(?:\([^()]*\))?[^()]*\)\s*|volatile\b\s*|static\b\s*)*"
)
_DECLARATOR = re.compile(r"\s*(\w+)\s*((?:\[[^\[\]]*(?:\[[^\]]*\][^\[\]]*)*\]\s*)*)\s*$", re.DOTALL)


def _static(declaration: str, line: int) -> str | None:
    """`float a[16][17], b;` as references to memory of the block."""
    body = " ".join(declaration.split())
    body = body[_PREFIX.match(body).end() :]  # type: ignore[union-attr]
    first, *others = _commas(body)
    m = re.match(r"(.*[\s>*])(\w+\s*(?:\[.*)?)$", re.sub(r"(\w)\s*(\[)", r"\1\2", first))
    if not m:
        return None
    kind, declared = m[1].strip(), []
    for declarator in (m[2], *others):
        parts = _DECLARATOR.match(declarator)
        if not kind or "=" in body or "{" in body or not parts or "[]" in parts[2]:
            return None
        name, dims = parts[1], parts[2]
        declared.append(
            f"using {name}_shared_t = {kind}{dims}; {name}_shared_t& {name} = "
            f'on_cpu::shared_as<{name}_shared_t>([]{{}}, "{name}", {line});'
        )
    return " ".join(declared)


def _dynamic(declaration: str, line: int) -> str | None:
    """`extern __shared__ float a[];` as a pointer to the launch's dynamic memory."""
    body = " ".join(declaration.split())
    body = body[_PREFIX.match(body).end() :]  # type: ignore[union-attr]
    m = re.fullmatch(
        r"(?:alignas\([^)]*\)\s*|__align__\([^)]*\)\s*)?(.+?)\s*\b(\w+)\s*\[\s*\]", body
    )
    if not m:
        return None
    return f'{m[1]}* {m[2]} = on_cpu::dynamic_as<{m[1]}>("{m[2]}", {line});'


_KERNEL_HEAD = re.compile(
    r"\s+(?:(?:static|inline|void|__launch_bounds__\s*\([^)]{0,200}\))\s+)*(\w+)\s*\("
)


def _in_brackets(text: str, start: int) -> str | None:
    """From `start` to the bracket that closes, if the body of a function follows."""
    depth = 1
    for m in re.finditer(r"[(){};]", text[start:]):
        if m[0] in "{};":
            return None
        depth += 1 if m[0] == "(" else -1
        if depth == 0:
            end = start + m.start()
            return text[start:end] if re.match(r"\)\s*\{", text[end:]) else None
    return None


def _names(parameters: str) -> tuple[str, ...]:
    return tuple(_parameter_name(p, i) for i, p in enumerate(_commas(parameters)))


def _commas(text: str) -> list[str]:
    """Split at commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{<") - (c in ")]}>")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    last = text[start:]
    return [*parts, last] if last.strip() or parts else parts


def _parameter_name(parameter: str, position: int) -> str:
    names = re.findall(r"\w+", re.sub(r"=.*|\[[^\]]*\]", "", parameter))
    return names[-1] if len(names) > 1 else f"argument {position + 1}"
