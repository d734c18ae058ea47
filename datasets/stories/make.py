"""Write the stories as text files: `python datasets/stories/make.py FOLDER [SIZE ...]`.

The grammar and the seeds are in `starter_code/given`; the same files come out on every machine, and
are compared with SHA256SUMS.
"""

import hashlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def files(size: str) -> dict[str, bytes]:
    """The two text files of a size, by name."""
    from starter_code.given.stories import corpus, text

    train, held_out = (text(w for story in part for w in story).encode() for part in corpus(size))
    return {f"{size}.txt": train, f"{size}-held-out.txt": held_out}


def sums() -> dict[str, str]:
    """The SHA-256 that each file must have."""
    lines = (HERE / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in map(str.split, lines)}


def main(folder: Path, sizes: list[str]) -> str:
    """Write the files; what went wrong, or ""."""
    from starter_code.given.stories import CORPORA, entropy

    folder.mkdir(parents=True, exist_ok=True)
    for size in sizes or CORPORA:
        if size not in CORPORA:
            return f"unknown size {size!r}; there are: {', '.join(CORPORA)}"
        for name, data in files(size).items():
            digest = hashlib.sha256(data).hexdigest()
            (folder / name).write_bytes(data)
            print(f"{digest}  {name}  {len(data)} bytes")
            if digest != sums()[name]:
                return f"{name} is not what SHA256SUMS says; is the grammar as it was published?"
        known = entropy(size)
        print(f"{known.per_token:.6f} nats per word, {known.per_character:.6f} per character")
    return ""


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.path.insert(0, str(HERE.parents[1]))
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
