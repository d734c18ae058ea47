"""What malformed files are made of: the right answer in pieces, notebooks and archives of it."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

SCALE = "def scale(x, factor):\n    return x * factor\n"
BACKWARD = "def scale_backward(dout, factor):\n    return dout * factor\n"


def code(source: str) -> dict[str, Any]:
    """A code cell."""
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}


def record(cells: list[Any]) -> bytes:
    """A notebook with these cells, whatever they are."""
    return dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def notebook(*sources: str) -> bytes:
    """A notebook with a code cell for each source."""
    return record([code(source) for source in sources])


def dumps(thing: Any) -> bytes:
    """JSON."""
    return json.dumps(thing).encode()


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """An archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()
