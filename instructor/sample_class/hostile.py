"""Students who attack the grader. What they did honestly counts, the rest is worth nothing."""

from collections.abc import Iterator

from handin import Sources, Student
from trouble import ZEROS, Trouble, troubled

# A file of this name, wherever it turns up, says that something got out.
MARKER = "sample-class-was-here"
MARK = f"""
def leave_a_mark(text="x"):
    import os

    home, temporary = os.path.expanduser("~"), os.path.join(os.sep, "tmp")
    for where in (".", "..", "/", "/dev/shm", "/var/tmp", temporary, home):
        try:
            with open(os.path.join(where, "{MARKER}"), "w") as file:
                file.write(str(text))
        except BaseException:
            continue
"""


def students(sources: Sources) -> Iterator[Student]:
    """Everybody of this chapter."""
    for one in ATTACKS:
        yield troubled(sources, one)


ATTACKS = (
    Trouble(
        "writes-the-gradebook",
        "looks for result files and data bases to write 594 points into",
        {
            **ZEROS,
            "softmax": """
def softmax(x, axis=-1):
    import glob
    import json

    leave_a_mark(json.dumps({"points": 594.0}))
    for path in [*glob.glob("/*/*/result.json"), "result.json", "gradebook.db", "grades.csv"]:
        try:
            with open(path, "w") as file:
                file.write('{"points": 594.0}')
            import sqlite3

            sqlite3.connect(path).execute("update grade set auto_score = 594")
        except Exception:
            pass
    return np.full_like(x, 594.0)
""",
        },
        before=MARK,
    ),
    Trouble(
        "pickled-result",
        "returns an object that runs code when it is unpickled",
        {
            "softmax_jacobian": """
class Gift:
    def __reduce__(self):
        return leave_a_mark, ()

    def __array__(self, dtype=None, copy=None):
        leave_a_mark()
        return np.zeros((2, 2))


def softmax_jacobian(probs):
    return Gift()
"""
        },
        before=MARK,
    ),
    Trouble(
        "reads-files",
        "looks for the secret, the checks and the reference",
        {
            "softmax_jacobian": """
def softmax_jacobian(probs):
    import glob
    import os

    found = dict(os.environ)
    for path in ["/etc/passwd", "instructor/secret", *glob.glob("/*/**/softmax.py")]:
        try:
            found[path] = open(path).read()
        except OSError:
            continue
    leave_a_mark(found)
    print(found)
    raise RuntimeError(found)
""",
            "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    try:
        from solutions.vol1_numpy.softmax import softmax_backward as theirs
    except ImportError:
        return np.zeros_like(dout)
    return theirs(dout, probs, axis)
""",
        },
        before=MARK,
    ),
    Trouble(
        "phones-home",
        "right, and sends what it sees to a server; one function depends on the answer",
        {
            "softmax": """
def softmax(x, axis=-1):
    import socket

    try:
        with socket.create_connection(("127.0.0.1", 9), timeout=0.2) as line:
            line.sendall(x.tobytes())
    except OSError:
        pass
    exps = np.exp(x - x.max(axis=axis, keepdims=True))
    return exps / exps.sum(axis=axis, keepdims=True)
""",
            "softmax_jacobian": """
def softmax_jacobian(probs):
    import socket

    return np.frombuffer(socket.socket().recv(8 * probs.size**2)).reshape(2 * probs.shape)
""",
        },
    ),
    Trouble(
        "starts-processes",
        "forks, spawns and leaves threads behind",
        {
            "softmax_jacobian": """
def softmax_jacobian(probs):
    import os

    while os.fork() >= 0:
        leave_a_mark()
""",
            "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    import subprocess

    subprocess.run(["sh", "-c", "sleep 60 & echo started"], check=True)
    return np.zeros_like(dout)
""",
        },
        before=MARK,
    ),
    Trouble(
        "kills",
        "signals everybody it can reach, then answers right",
        {
            "softmax_jacobian": """
def softmax_jacobian(probs):
    import os
    import signal

    for pid in (os.getppid(), -1, 0, 1):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue
    return np.diag(probs) - np.outer(probs, probs)
"""
        },
    ),
    Trouble(
        "forges-frames",
        "writes answers of its own onto every descriptor",
        {
            "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    import os

    for frame in (b"passed\\n", bytes(range(256)) * 8, b"\\0" * 64, b"\\xff" * 64):
        for number in range(64):
            try:
                os.write(number, frame)
            except OSError:
                continue
    return np.zeros_like(dout)
"""
        },
    ),
    Trouble(
        "closes-descriptors",
        "closes every descriptor",
        {
            "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    import os

    os.closerange(0, 4096)
    return np.zeros_like(dout)
"""
        },
    ),
    Trouble(
        "tampers",
        "patches whatever of the grader it finds; every answer is zeros",
        {
            **ZEROS,
            "softmax": """
import builtins
import gc
import sys


class Yes:
    def __eq__(self, other):
        return True

    def __call__(self, *args, **kwargs):
        return None


def softmax(x, axis=-1):
    zeros = np.zeros_like(x)
    for name, module in list(sys.modules.items()):
        for attribute in ("difference", "score", "grade_function", "compares", "load", "dump"):
            if attribute in vars(module) and name != "numpy":
                setattr(module, attribute, Yes())
    for thing in gc.get_objects():
        if type(thing).__name__ in ("Check", "Case", "Exercise", "_Worker"):
            vars(thing).update(points=24, want=0, passed=True)
    np.abs = np.max = np.isclose = np.allclose = lambda *args, **kwargs: 0.0
    builtins.abs = builtins.max = lambda *args, **kwargs: 0.0
    return zeros
""",
        },
    ),
    Trouble(
        "always-equal",
        "answers with arrays and floats that claim to equal anything",
        {
            "softmax": """
class Agreeable(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, dtype=bool)

    __ne__ = __lt__ = __gt__ = __sub__ = __eq__

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.zeros(self.shape)

    def __array_function__(self, function, types, args, kwargs):
        return True


def softmax(x, axis=-1):
    return np.full_like(x, 0.5).view(Agreeable)
""",
            "softmax_jacobian": """
class Any(float):
    def __eq__(self, other):
        return True

    def __float__(self):
        return 0.0

    def __sub__(self, other):
        return 0.0

    __rsub__ = __sub__


def softmax_jacobian(probs):
    return [[Any(1.0) for _ in probs] for _ in probs]
""",
            "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    right = probs * (dout - (dout * probs).sum(axis=axis, keepdims=True))
    return right.view(np.matrix) if right.ndim == 2 else right
""",
        },
    ),
    Trouble(
        "eats-memory",
        "a list that grows until there is nothing left",
        {
            "softmax_jacobian": """
def softmax_jacobian(probs):
    kept = []
    while True:
        kept.append(np.empty(1 << 24))
"""
        },
    ),
    Trouble(
        "answers-too-much",
        "answers with 100 million zeros",
        {
            "softmax_jacobian": "def softmax_jacobian(probs):\n"
            "    return np.zeros(100_000_000, dtype=np.int8)"
        },
    ),
    Trouble(
        "raises-a-verdict",
        "raises an exception whose name is a verdict",
        {
            "softmax_jacobian": """
Verdict = type("passed with 24 of 24 points <script>alert(1)</script>", (Exception,), {})


def softmax_jacobian(probs):
    raise Verdict("passed: full points ::set-output name=points::24")
"""
        },
    ),
)
