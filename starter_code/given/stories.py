"""The corpus of small stories as token ids, and the loss that no model can go below.

`datasets/README.md` says what the stories are and how their entropy is known exactly.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parents[2] / "datasets" / "stories"


@dataclass(frozen=True)
class Corpus:
    """Stories in rows of T + 1 ids.

    Every row begins with the id 0, the end of the story before it, so that what follows is the
    beginning of a story: nothing that the next token depends on lies outside of the row.

    Attributes:
        vocabulary: The token of each id; "\\n" is the end of a story.
        train: (N, T + 1), int64.
        held_out: (M, T + 1), int64. Rows of other stories, the last tenth of the text.
        floor: The entropy in nats of a token in a row, given those before it: the mean of the T
            tokens that are predicted. Exact. No model has a lower loss, except by luck.
    """

    vocabulary: tuple[str, ...]
    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    floor: float

    def text(self, ids: Any) -> str:
        """Token ids as text, one story a line."""
        words = " ".join(self.vocabulary[i] for i in np.ravel(ids))
        return words.replace(" \n", "\n").replace("\n ", "\n").lstrip("\n")


def load(size: str = "small", T: int = 24, *, folder: Path = FOLDER) -> Corpus:
    """Read one size of the corpus.

    Args:
        size: "small", "medium" or "large".
        T: How many tokens of each row are predicted, 512 at most.
        folder: Where the texts and `figures.json` are.
    """
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))[size]
    vocabulary = tuple(figures["vocabulary"])
    lines = (folder / f"{size}.txt").read_text(encoding="utf-8").splitlines()
    held = len(lines) // 10
    train, held_out = (rows(part, vocabulary, T) for part in (lines[:-held], lines[-held:]))
    floor = float(np.mean(figures["nats_by_position"][:T]))
    return Corpus(vocabulary, train, held_out, floor)


def rows(lines: list[str], vocabulary: tuple[str, ...], T: int) -> NDArray[np.int64]:
    """(N, T + 1). As many whole stories as it takes to fill a row; the last one is cut off."""
    ids = {word: i for i, word in enumerate(vocabulary)}
    done, row = [], [0]
    for line in lines:
        row += [*(ids[word] for word in line.split()), 0]
        if len(row) > T:
            done.append(row[: T + 1])
            row = [0]
    return np.array(done, dtype=np.int64).reshape(-1, T + 1)
