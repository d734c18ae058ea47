"""Files, folders and archives read into memory within caps; nothing is extracted to disk."""

import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from .errors import SubmissionError
from .notebook import MAX_FILE, MB, RawFile

MAX_TOTAL = 64 * MB
MAX_MEMBERS = 1_000
MAX_FOLDERS = 8
MAX_RATIO = 200
MAX_NAME = 255
IGNORED = frozenset(
    ("__MACOSX", "__pycache__", "node_modules", "site-packages", "venv", "timestamp.txt")
)
READ = (".ipynb", ".py", ".zip")
# Numbers beside an exercise of the same name; see attachment.py.
ATTACHED = ".safetensors"
# What students hand in by mistake; anything else beside the submissions is nobody's.
MISTAKEN = (".pdf", ".html", ".htm", ".doc", ".docx", ".rar", ".7z", ".tar", ".gz", ".tgz")
COPY = re.compile(r"( ?\(\d+\)|[-_ ]copy\d*)+$", re.IGNORECASE)
# What the standard library raises on an archive that was damaged or forged.
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    struct.error,
)


def printable(name: str) -> str:
    """A file name that is no valid text, with its bytes spelled out."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def ignored(name: str) -> bool:
    return name.startswith(".") or name in IGNORED


def stem_of(name: str) -> str:
    stem = PurePosixPath(name).stem
    return COPY.sub("", stem) or stem


@dataclass
class Box:
    """Collects the files of one student within the caps.

    Args:
        names: Of exercises: `<name>.safetensors` is taken, too, into `attached`.
    """

    names: Collection[str] = ()
    files: list[RawFile] = field(default_factory=list)
    attached: list[RawFile] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0

    def take(self, path: Path) -> None:
        """Take in a file, an archive, or a folder with all that is in it; follow no link."""
        top = path.parent
        stack = [(path, 0)]
        while stack:
            path, depth = stack.pop()
            origin = printable(path.relative_to(top).as_posix())
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                self._leave(origin, "is a symbolic link, which is not followed; hand in the file")
            elif stat.S_ISDIR(mode) and depth < MAX_FOLDERS:
                inside = [p for p in sorted(path.iterdir(), reverse=True) if not ignored(p.name)]
                stack += [(p, depth + 1) for p in inside]
            elif stat.S_ISDIR(mode):
                self._leave(origin, f"is nested more than {MAX_FOLDERS} folders deep")
            elif path.name.lower().endswith(READ) or self.attaches(path.name):
                self._file(path, origin)
            elif path.name.lower().endswith(MISTAKEN):
                self._leave(origin, "is neither a notebook nor a module; hand in .ipynb or .py")

    def beside(self, path: Path) -> None:
        """Take in what lies beside a file that was handed in alone, under its name."""
        other = path.with_name(stem_of(path.name) + ATTACHED)
        if self.attaches(other.name) and os.path.lexists(other) and not path.is_dir():
            self.take(other)

    def attaches(self, name: str) -> bool:
        """Whether a file of that name belongs to an exercise as an attachment."""
        return name.lower().endswith(ATTACHED) and stem_of(name).lower() in self.names

    def _leave(self, origin: str, why: str) -> None:
        self.left_out.append((origin, f"{origin} {why}."))

    def _file(self, path: Path, origin: str) -> None:
        if len(self.files) + len(self.attached) + len(self.left_out) >= MAX_MEMBERS:
            if len(self.left_out) <= MAX_MEMBERS:
                self._leave(origin, f"comes after {MAX_MEMBERS:,} other files; no more are read")
            return
        flags = os.O_RDONLY
        for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
            flags |= getattr(os, name, 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            known = os.fstat(file.fileno())
            if not stat.S_ISREG(known.st_mode):
                self._leave(origin, "is not a regular file; hand in the file itself")
                return
            data = file.read(MAX_FILE + 1)
        attached = self.attaches(path.name)
        if len(data) > MAX_FILE:
            advice = "make it smaller" if attached else "clear the outputs of the notebook"
            self._leave(
                origin,
                f"has {known.st_size / MB:.0f} MB, at most {MAX_FILE // MB} MB are read; {advice} "
                "and hand it in again",
            )
        elif self.size + len(data) > MAX_TOTAL:
            self._leave(origin, f"goes beyond the {MAX_TOTAL // MB} MB that are read per student")
        elif path.name.lower().endswith(".zip"):
            self.size += len(data)
            self._archive(data, origin)
        else:
            self.size += len(data)
            one = RawFile(printable(path.name), origin, data, known.st_mtime)
            (self.attached if attached else self.files).append(one)

    def _archive(self, data: bytes, origin: str) -> None:
        try:
            # The table of contents is parsed whole, so it is counted before that.
            if data.count(b"PK\x01\x02") > MAX_MEMBERS:
                raise SubmissionError(
                    f"has more than {MAX_MEMBERS:,} members; hand in your work only"
                )
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                self._members(archive, origin)
        except SubmissionError as error:
            self._leave(origin, str(error))
        except DAMAGED as error:
            self._leave(origin, f"is not a complete archive ({error}); pack it again")

    def _members(self, archive: zipfile.ZipFile, origin: str) -> None:
        members = archive.infolist()
        total = sum(m.file_size for m in members)
        if len(members) > MAX_MEMBERS:
            raise SubmissionError(f"has more than {MAX_MEMBERS:,} members; hand in your work only")
        packed = sum(m.compress_size for m in members)
        if total > MAX_TOTAL or (total > MB and total > MAX_RATIO * packed):
            raise SubmissionError(
                f"would unpack to {total / MB:.0f} MB from {packed / MB:.1f} MB, at most "
                f"{MAX_TOTAL // MB} MB are read; hand in your work only"
            )
        for member in members:
            name = member.filename.replace("\\", "/")
            path = PurePosixPath(name)
            hidden = any(ignored(p) for p in path.parts if p not in (".", ".."))
            # A name may be empty, which the standard library does not expect.
            if hidden or not name or member.is_dir():
                continue
            read = name.lower().endswith((".ipynb", ".py")) or self.attaches(path.name)
            why = _refused_member(member, path, read=read)
            if why:
                self._leave(f"{origin}/{name}", why)
            elif read:
                self._member(archive, member, f"{origin}/{name}")

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, origin: str) -> None:
        try:
            with archive.open(member) as file:
                data = file.read(MAX_FILE + 1)
        except DAMAGED as error:
            self._leave(origin, f"is damaged ({error}); pack it again")
            return
        if len(data) > MAX_FILE or self.size + len(data) > MAX_TOTAL:
            self._leave(origin, f"is too large, at most {MAX_FILE // MB} MB are read")
            return
        self.size += len(data)
        try:
            changed: float | None = datetime(*member.date_time, tzinfo=UTC).timestamp()
        except ValueError:  # an archive may claim a month 0
            changed = None
        one = RawFile(PurePosixPath(origin).name, origin, data, changed)
        (self.attached if self.attaches(one.name) else self.files).append(one)


def _refused_member(member: zipfile.ZipInfo, path: PurePosixPath, *, read: bool) -> str:
    """Why a member of an archive is not read, or ""."""
    if len(member.filename) > MAX_NAME:
        return f"has a name of more than {MAX_NAME} characters; shorten it"
    if ".." in path.parts or path.is_absolute() or re.match(r"[A-Za-z]:", str(path)):
        return "leads out of the archive; pack it again without such paths"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link, which is not followed; pack the file itself"
    if path.suffix.lower() == ".zip":
        return "is an archive within an archive, which is not read; pack the files themselves"
    if read:
        if member.flag_bits & 1:
            return "is encrypted; pack it without a password"
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return "is compressed in a way that is not read; pack it as an ordinary zip"
    return ""
