"""Tiny Shakespeare: 1.1 MB of plays, as Andrej Karpathy's char-rnn hands them out.

from starter_code.given.tinyshakespeare import load

text = load()                        # downloads it once, into the working directory
text = load("somewhere/input.txt")   # or takes the file that you have
"""

import hashlib
import os
import urllib.request
from pathlib import Path

ADDRESS = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
SIZE = 1_115_394
NAME = "tinyshakespeare.txt"


def load(path: str | Path = NAME, *, address: str = ADDRESS, seconds: float = 30.0) -> str:
    """The text, from `path`, where it is put first if it is not there yet.

    Args:
        path: A file, or the folder that has it under the name tinyshakespeare.txt.
        address: Where it is downloaded from.
        seconds: How long the server may stay silent.

    Raises:
        FileNotFoundError: It is not there and cannot be downloaded; the sentence says what to do.
        ValueError: What is there is another text.
    """
    file = Path(path) / NAME if Path(path).is_dir() else Path(path)
    if file.is_file():
        return checked(file.read_bytes(), str(file)).decode("ascii")
    data = _download(file, address, seconds)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    beside.write_bytes(data)
    os.replace(beside, file)
    return data.decode("ascii")


def checked(data: bytes, where: str) -> bytes:
    """`data`, if it is the text that everybody means; line ends of Windows are put right.

    Raises:
        ValueError: It is not.
    """
    plain = data.replace(b"\r\n", b"\n")
    if hashlib.sha256(plain).hexdigest() != SHA256:
        raise ValueError(
            f"{where} is not Tiny Shakespeare: it has {len(data):,} bytes, and the SHA-256 of the "
            f"{SIZE:,} bytes of the original begins with {SHA256[:12]}; delete the file and load "
            "again"
        )
    return plain


def _download(file: Path, address: str, seconds: float) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=seconds) as answer:
            data: bytes = answer.read(SIZE + 1)
    except OSError as error:
        raise FileNotFoundError(
            f"{file} is not there, and Tiny Shakespeare cannot be downloaded ({error}): fetch "
            f"{address} where there is a network and save it as {file}"
        ) from error
    return checked(data, address)


if __name__ == "__main__":
    print(f"{NAME}: {len(load()):,} characters")
