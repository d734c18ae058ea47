"""Students whose files cannot be read, whole or in part: a sentence, and the rest counts."""

import io
import zipfile
from collections.abc import Iterator

from handin import RMSNORM, SOFTMAX, Sources, Student, alone, dumped, folder, zipped

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n%%EOF\n"


def students(sources: Sources) -> Iterator[Student]:
    """Everybody of this chapter; each has a right rmsnorm beside it where there is room."""
    softmax, beside = dumped(sources.notebook(SOFTMAX)), sources.module(RMSNORM)
    for name, story, data in (
        ("truncated", "a notebook cut off in the middle", softmax[: len(softmax) // 2]),
        ("empty", "a file of no bytes", b""),
        ("pdf-as-notebook", "a PDF renamed to .ipynb", PDF),
        ("not-a-notebook", "JSON that is no notebook", b'{"answer": 42}\n'),
        ("deep", "JSON nested 100,000 levels deep", b'{"cells": ' + b"[" * 100_000),
        ("latin-1", "a notebook that is not UTF-8", "{'ünïcödé': 1}".encode("latin-1")),
    ):
        files = {f"{SOFTMAX}.ipynb": data, f"{RMSNORM}.py": beside}
        yield folder(name, story, files, "")
    yield alone("a-pdf", "handed in a printout", ".pdf", PDF)
    yield alone("leads-out", "a zip with a member named ../", ".zip", _leading_out(softmax, beside))
    yield alone("zip-bomb", "a zip of 1 GB of zeros", ".zip", _bomb())
    yield alone("half-a-zip", "a zip cut off in the middle", ".zip", zipped({"a.py": beside})[:400])
    files = {"twice/softmax.ipynb": softmax, "twice.zip": zipped({"softmax.ipynb": softmax})}
    yield Student("twice", "a folder and a zip: nobody knows which one counts", files)


def _leading_out(softmax: bytes, rmsnorm: bytes) -> bytes:
    return zipped({"../../softmax.ipynb": softmax, "rmsnorm.py": rmsnorm})


def _bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("softmax.ipynb", (2026, 11, 1, 12, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(info, "w") as member:
            for _ in range(1000):
                member.write(bytes(1_000_000))
    return buffer.getvalue()
