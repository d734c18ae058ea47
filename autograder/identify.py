"""Which exercise a file is: by the ids in it, then its name, then the functions it defines."""

import re
from collections.abc import Collection, Mapping

from .errors import SubmissionError
from .files import stem_of
from .notebook import RawFile, Sheet, read_sheet
from .percent import Page

DEFINES = re.compile(r"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)


def identify(file: RawFile, pages: Mapping[str, Page]) -> str | None:
    """The exercise that `file` belongs to: by ids in it, then its name, then its functions."""
    try:
        sheet = read_sheet(file)
    except SubmissionError:
        sheet = None
    return identify_sheet(file, sheet, pages)[0]


def identify_sheet(
    file: RawFile, sheet: Sheet | None, pages: Mapping[str, Page], others: Collection[str] = ()
) -> tuple[str | None, bool]:
    """Its slug, and whether that rests on more than the functions in the file.

    `others` are the names of exercises that are not asked for: a file that is called like one of
    them is not taken for an exercise that is called nearly so.
    """
    cells = sheet.cells if sheet else ()
    if sheet and sheet.exercise:
        return (sheet.exercise if sheet.exercise in pages else None), True
    ids = {i for cell in cells for i in cell.ids}
    if slug := _best({s: len(ids & {c.id for c in p.cells}) for s, p in pages.items()}):
        return slug, True
    stem = stem_of(file.name).lower()
    same = [s for s, p in pages.items() if p.name.lower() == stem]
    folders = f"/{file.origin.lower()}"
    same = [s for s in same if f"/{s.lower()}." in folders] or same
    if len(same) == 1:
        return same[0], True
    names = {n for cell in cells if cell.code for n in DEFINES.findall(cell.source)}
    common = {s: len(names.intersection(p.functions)) for s, p in pages.items()}
    half = {s: n for s, n in common.items() if 2 * n >= len(pages[s].functions)}
    if slug := _best(half):
        return slug, False
    if stem in others:
        return None, False
    words = set(re.split(r"[^a-z0-9]+", stem)) | {stem}
    part = [s for s, p in pages.items() if p.name.lower() in words or f"{p.name}_" in f"{stem}_"]
    return (part[0], False) if len(part) == 1 else (None, False)


def _best(counts: Mapping[str, int]) -> str | None:
    most = max(counts.values(), default=0)
    best = [slug for slug, count in counts.items() if count == most]
    return best[0] if most and len(best) == 1 else None
