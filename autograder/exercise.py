"""Declaring an exercise: which functions, on which inputs, checked how, for how many points.

A checks file builds one `Exercise`. Declaring runs nothing, so a rubric prints at once.
"""

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import CodeType, ModuleType
from typing import Any, Literal

from . import bodies
from .attachment import SUFFIX, Attached, Attachment
from .case import Case
from .compare import Difference
from .errors import CourseError
from .inputs import Input
from .mistake import Mistake, compiled, planted
from .race import Race
from .result import Kind
from .student import Ask

# Student code as check code sees it, or the numbers handed in beside it.
Body = Callable[[Any, Case], Difference | None]
Author = Callable[..., Any]
Asks = Callable[[Case], list[Ask]]


@dataclass(frozen=True)
class Check:
    """One all-or-nothing check of one function over its cases.

    A gate carries no points; when it fails, the function gets none. Properties and edge cases
    (P, E) pay only if `main`, the function's first check, passes. `asks` says which calls `body`
    makes first of all, where that is known.

    A check with a budget of its own, `seconds` per call, is long: it runs only if `main` passes,
    and never to recognise a mistake. Checks with the same `shared` see one set of inputs.

    With `attached`, the name of a file, the check judges the numbers in it and no code.
    """

    name: str
    function: str
    kind: Kind
    title: str
    points: float
    gate: bool
    sizes: tuple[Mapping[str, int], ...]
    dtype: str
    inputs: Mapping[str, Input]
    prepare: Callable[[Case], None]
    body: Body
    asks: Asks | None = None
    seconds: float = 0.0
    shared: str = ""
    attached: str = ""


class Exercise:
    """An exercise as the grader knows it.

    Args:
        slug: "volume/name", as in the folders.
        solution: The imported reference module.
        inputs: How each argument, by name, is drawn.
        sizes: Per size name the values it takes; case i uses the i-th of each.
        arrays: What students work with, "numpy" or "torch".
        difficulty: 1 (warm-up) to 5 (hard).
        minutes: How long a prepared student takes.
        memory: Bytes a worker may use above its start.
        scratch: Bytes of files that it may write in `Student.folder`; 0 for no such folder.
        attachment: The file of numbers that may be handed in beside the module.
    """

    def __init__(
        self,
        slug: str,
        *,
        solution: ModuleType,
        inputs: Mapping[str, Input],
        sizes: Mapping[str, Sequence[int]],
        difficulty: int,
        minutes: int,
        arrays: Literal["numpy", "torch"] = "numpy",
        memory: int = 1 << 30,
        scratch: int = 0,
        attachment: Attachment | None = None,
    ) -> None:
        self.slug, self.solution, self.arrays, self.memory = slug, solution, arrays, memory
        self.scratch = scratch
        self.inputs, self.difficulty, self.minutes = dict(inputs), difficulty, minutes
        self.sizes, self.attachment = _columns(sizes, slug), attachment
        self.checks: list[Check] = []
        self.races: list[Race] = []
        self.mistakes: list[Mistake] = []
        self.nulls: list[Mistake] = []
        self._compiled: dict[tuple[str, str], CodeType] = {}

    def matches_reference(
        self,
        function: str,
        *,
        points: float = 0,
        name: str = "",
        title: str = "",
        kind: Kind = "R",
        gate: bool = False,
        dtype: str = "float64",
        rtol: float | None = None,
        sizes: Mapping[str, Sequence[int]] | None = None,
        **inputs: Input,
    ) -> None:
        """Compare with the reference, which always computes in float64.

        Extra keywords replace inputs for this check: `x=array("B V", scale=1e3)`.
        """
        self._add(
            name or "matches_reference",
            function,
            kind,
            title or f"{function} returns the right values.",
            points,
            gate,
            sizes,
            dtype,
            inputs,
            bodies.reference_of(self, function),
            bodies.compares(function, rtol=rtol),
            bodies.once,
        )

    def keeps_dtype(
        self, function: str, *, points: float = 0, rtol: float | None = None, **inputs: Input
    ) -> None:
        """float32 in, float32 out, as accurate as float32 allows."""
        self._add(
            "keeps_dtype",
            function,
            "E",
            "float32 arguments give float32 results.",
            points,
            False,
            self._first_size(),
            "float32",
            inputs,
            bodies.reference_of(self, function),
            bodies.compares(function, rtol=rtol),
            bodies.once,
        )

    def leaves_inputs_alone(self, function: str, *, points: float = 0, **inputs: Input) -> None:
        """Any memory layout is accepted, arguments stay as they are, results are new arrays."""
        self._add(
            "leaves_inputs_alone",
            function,
            "E",
            "Arguments of any memory layout are accepted and left unchanged; results are new.",
            points,
            False,
            self._first_size(),
            "float64",
            inputs,
            bodies.reference_of(self, function),
            bodies.aliasing(function),
            bodies.in_layouts,
        )

    def matches_finite_differences(
        self,
        function: str,
        *,
        of: str | Author,
        wrt: Sequence[str],
        points: float = 0,
        name: str = "",
        rtol: float = 1e-6,
        sizes: Mapping[str, Sequence[int]] | None = None,
        **inputs: Input,
    ) -> None:
        """Compare a gradient with central differences of the reference forward `of`.

        Args:
            function: The backward to check; its first argument is `dout`.
            of: The forward: a function of the solution by name, or any function of inputs.
            wrt: The inputs of `of` to differentiate by, in the order of the results.
        """
        if isinstance(of, str):
            self._known(of)
        forward = getattr(self.solution, of) if isinstance(of, str) else of
        self._add(
            name or "matches_finite_differences",
            function,
            "F",
            f"{function} agrees with finite differences.",
            points,
            False,
            sizes,
            "float64",
            inputs,
            bodies.differences_of(self, function, forward, tuple(wrt)),
            bodies.compares(function, rtol=rtol),
            bodies.once,
        )

    def satisfies(
        self,
        function: str,
        *,
        points: float = 0,
        kind: Kind = "P",
        gate: bool = False,
        rtol: float | None = None,
        dtype: str = "float64",
        sizes: Mapping[str, Sequence[int]] | None = None,
        **inputs: Input,
    ) -> Callable[[Author], Author]:
        """Decorate check code: it takes `student` and inputs by name and gives what must agree.

        It returns a bool, or a pair (got, want), or yields such pairs; its docstring is the
        sentence students read.
        """

        def declare(author: Author) -> Author:
            self._add(
                author.__name__,
                function,
                kind,
                _sentence(author, self.slug),
                points,
                gate,
                sizes,
                dtype,
                inputs,
                bodies.nothing,
                bodies.authored(author, rtol),
            )
            return author

        return declare

    def measures(
        self,
        function: str,
        *,
        bands: Mapping[float, float],
        seconds: float,
        **inputs: Input,
    ) -> Callable[[Author], Author]:
        """Decorate check code that takes long and gives one number, the smaller the better.

        It is called once, however many bands there are, and only if the function's first check
        passes. In its docstring, the sentence students read, `{}` stands for the bound.

        Args:
            bands: The most that the number may be, and the points for that. Each is a check.
            seconds: What one call may take; it is ended at 2.5 times that.
        """

        def declare(author: Author) -> Author:
            for bound, points in bands.items():
                self._add(
                    f"{author.__name__}_{bound:g}",
                    function,
                    "P",
                    _sentence(author, self.slug).format(f"{bound:g}"),
                    points,
                    False,
                    None,
                    "float64",
                    inputs,
                    bodies.nothing,
                    bodies.measured(author, bound),
                    seconds=seconds,
                    shared=author.__name__,
                )
            return author

        return declare

    def weighs(
        self, function: str, *, bands: Mapping[float, float], seconds: float = 10.0, **inputs: Input
    ) -> Callable[[Author], Author]:
        """Decorate check code that takes the attachment and gives one number, best small.

        It runs on our side only: `attached` (tensors, metadata, sizes) and inputs by name. It is
        called once, however many bands there are, and only if the function's first check passes;
        ValueError is a fault of the attachment, and its text is what the student reads.

        Args:
            bands: The most that the number may be, and the points for that. Each is a check, and
                `{}` in the docstring, the sentence students read, stands for the bound.
            seconds: What it takes at most, said for people.
        """
        if self.attachment is None:
            raise CourseError(f"instructor/checks/{self.slug}.py: weighs needs attachment=")
        attached = self.slug.rpartition("/")[2] + SUFFIX

        def declare(author: Author) -> Author:
            for bound, points in bands.items():
                self._add(
                    f"{author.__name__}_{bound:g}",
                    function,
                    "P",
                    _sentence(author, self.slug).format(f"{bound:g}"),
                    points,
                    False,
                    self._first_size(),
                    "float64",
                    inputs,
                    bodies.nothing,
                    bodies.weighed(author, bound),
                    seconds=seconds,
                    shared=author.__name__,
                    attached=attached,
                )
            return author

        return declare

    def race(
        self,
        *,
        unit: str,
        laps: int = 5,
        seconds: float = 10.0,
        rtol: float | None = None,
        sizes: Mapping[str, int] | None = None,
        **inputs: Input,
    ) -> Callable[[Author], Author]:
        """Decorate a workload on which right solutions are compared with the reference's speed.

        It takes `student` and inputs by name, makes ready what is not to be measured, and returns
        the lap: a function of a random generator that gives the amount of work and the answer,
        which has to be the reference's. It never gives points. The docstring is the sentence that
        students read.

        Args:
            unit: What the amount counts, in the plural: "tokens".
            laps: How many count; each should take the reference 50 ms or more.
            seconds: What one call may take; it is ended at 2.5 times that.
            sizes: One size per name, instead of the first of the exercise's.
        """

        def declare(author: Author) -> Author:
            name, where = author.__name__, f"instructor/checks/{self.slug}.py"
            if any(race.name == name for race in self.races):
                raise CourseError(f"{where}: two races are called {name}; rename one")
            drawn, title = {**self.inputs, **inputs}, _sentence(author, self.slug)
            chosen = dict(self.sizes[0] if sizes is None else sizes)
            self.races.append(Race(name, title, unit, laps, seconds, rtol, drawn, chosen, author))
            return author

        return declare

    @property
    def example(self) -> Attached | None:
        """An attachment that earns every point, for whoever tries the checks."""
        return self.attachment.of_example if self.attachment else None

    def mistake(self, function: str) -> Callable[[Author], Author]:
        """Decorate a wrong version of `function` (or class); its docstring is the hint."""

        self._known(function)

        def declare(author: Author) -> Author:
            hint = _sentence(author, self.slug)
            self.mistakes.append(Mistake(author.__name__, function, hint, replaced=author))
            return author

        return declare

    def null(self, function: str) -> Callable[[Author], Author]:
        """Decorate a solution that knows nothing and must earn no point."""

        self._known(function)

        def declare(author: Author) -> Author:
            self.nulls.append(Mistake(author.__name__, function, "", replaced=author))
            return author

        return declare

    def slip(
        self, function: str, name: str, old: str, new: str, hint: str, *, within: str = ""
    ) -> None:
        """Declare a mistake as an edit of the reference: `old`, found exactly once, becomes `new`.

        Args:
            within: The function or class of the solution that is edited, if not `function`.
        """
        self._known(function)
        edit = (within or function, old, new)
        self.mistakes.append(Mistake(name, function, " ".join(hint.split()), edit=edit))

    def points(self, function: str) -> float:
        """The sum of the points of a function's checks."""
        return sum(c.points for c in self.checks if c.function == function)

    def checks_of(self, function: str) -> list[Check]:
        """The checks of one function, its main check first."""
        return [c for c in self.checks if c.function == function]

    def planted(self, mistake: Mistake) -> dict[str, Any]:
        """The names of a fresh copy of the solution in which `mistake` is made."""
        key = (mistake.function, mistake.name)
        if key not in self._compiled:
            self._compiled[key] = compiled(self.solution, mistake)
        return planted(self.solution, mistake, self._compiled[key])

    def _first_size(self) -> dict[str, list[int]]:
        """The first sizes alone: enough for what does not depend on sizes."""
        return {name: [size] for name, size in self.sizes[0].items()}

    def _known(self, function: str, name: str = "a mistake") -> None:
        """Refuse a name that the solution does not define."""
        if not hasattr(self.solution, function):
            raise CourseError(
                f"instructor/checks/{self.slug}.py: {name} checks {function}, which the "
                "solution lacks"
            )

    def _add(
        self,
        name: str,
        function: str,
        kind: Kind,
        title: str,
        points: float,
        gate: bool,
        sizes: Mapping[str, Sequence[int]] | None,
        dtype: str,
        inputs: Mapping[str, Input],
        prepare: Callable[[Case], None],
        body: Body,
        asks: Asks | None = None,
        seconds: float = 0.0,
        shared: str = "",
        attached: str = "",
    ) -> None:
        where = f"instructor/checks/{self.slug}.py"
        self._known(function, name)
        if gate and points:
            raise CourseError(f"{where}: {name} of {function} is a gate; a gate has no points")
        if any(c.name == name and c.function == function for c in self.checks):
            raise CourseError(f"{where}: two checks of {function} are called {name}; rename one")
        columns = self.sizes if sizes is None else _columns(sizes, self.slug)
        drawn = {**self.inputs, **inputs}
        self.checks.append(
            Check(
                name,
                function,
                kind,
                title,
                points,
                gate,
                columns,
                dtype,
                drawn,
                prepare,
                body,
                asks,
                seconds,
                shared,
                attached,
            )
        )


def signature(
    solution: ModuleType, function: str, inputs: Mapping[str, Input]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which arguments of a function are passed by position and which, having defaults, by name.

    A parameter with a default is passed only if an input of its name is declared.
    """
    plain, named = _parameters(getattr(solution, function))
    return plain, tuple(n for n in named if n in inputs)


@cache
def _parameters(function: Author) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The parameters of a function without and with defaults; looked up at every case."""
    found = inspect.signature(function).parameters.values()
    plain = tuple(p.name for p in found if p.default is p.empty)
    return plain, tuple(p.name for p in found if p.default is not p.empty)


def result_names(solution: ModuleType, function: str) -> str:
    """What a function's results are called in its docstring: "dx, dgain"."""
    return _result_names(getattr(solution, function), function)


@cache
def _result_names(target: Author, function: str) -> str:
    text = inspect.getdoc(target) or ""
    after = text.partition("Returns:")[2].split("\n\n")[0]
    names = [
        line.strip().partition(":")[0]
        for line in after.split("\n")
        if ":" in line and line.strip().partition(":")[0].isidentifier()
    ]
    return ", ".join(names) or f"{function}(...)"


def _columns(sizes: Mapping[str, Sequence[int]], slug: str) -> tuple[Mapping[str, int], ...]:
    lengths = {len(v) for v in sizes.values()} or {1}
    if len(lengths) != 1:
        raise CourseError(f"{slug}: every entry of sizes= needs the same number of values")
    return tuple({k: v[i] for k, v in sizes.items()} for i in range(lengths.pop()))


def _sentence(author: Author, slug: str) -> str:
    text = inspect.getdoc(author)
    if not text or (isinstance(author, type) and vars(author).get("__doc__") is None):
        raise CourseError(
            f"instructor/checks/{slug}.py: {author.__name__} needs a docstring: "
            "the sentence that a student reads"
        )
    return " ".join(text.split())


def defined_in(source: str, name: str) -> tuple[int, int]:
    """First and last line (1-based) of the top-level function or class `name`."""
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            return first, node.end_lineno or node.lineno
    raise CourseError(f"the solution does not define {name}")
