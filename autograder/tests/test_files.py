"""Files and archives are read within caps, and nothing is followed or unpacked to disk."""

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.submission import (
    find_students,
    open_student,
)
from autograder.tests.handed_in_course import PY, one, packed, write


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "outside", {"sums.py": PY})
    folder = write(tmp_path / "in", {"alice/basics.py": PY})
    (folder / "alice" / "sums.py").symlink_to(secret / "sums.py")
    (folder / "alice" / "more").symlink_to(secret)
    (folder / "bob.py").symlink_to(secret / "sums.py")
    (folder / "carl").symlink_to(secret)
    alice, bob, carl = map(open_student, find_students(folder))
    assert [r.origin for r in alice.files] == ["alice/basics.py"]
    assert alice.left_out == (
        ("alice/more", "alice/more is a symbolic link, which is not followed; hand in the file."),
        (
            "alice/sums.py",
            "alice/sums.py is a symbolic link, which is not followed; hand in the file.",
        ),
    )
    assert bob.files == carl.files == ()
    assert carl.left_out[0][1].startswith("carl is a symbolic link")


def test_a_pipe_does_not_hang_the_reader(tmp_path: Path) -> None:
    write(tmp_path, {"alice/basics.py": PY})
    os.mkfifo(tmp_path / "alice" / "sums.py")
    assert one(tmp_path).left_out == (
        ("alice/sums.py", "alice/sums.py is not a regular file; hand in the file itself."),
    )


def test_a_huge_file_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"alice/sums.py": PY})
    with (tmp_path / "alice" / "basics.ipynb").open("wb") as file:
        file.truncate(100_000_000)
    found = one(tmp_path)
    assert [r.name for r in found.files] == ["sums.py"]
    assert found.left_out[0][1] == (
        "alice/basics.ipynb has 100 MB, at most 32 MB are read; clear the outputs of the notebook "
        "and hand it in again."
    )


def test_a_document_is_no_submission(tmp_path: Path) -> None:
    write(tmp_path, {"alice/sums.pdf": b"%PDF", "bob.pdf": b"%PDF"})
    alice, bob = map(open_student, find_students(tmp_path))
    assert alice.left_out[0][1] == (
        "alice/sums.pdf is neither a notebook nor a module; hand in .ipynb or .py."
    )
    assert bob.left_out[0][0] == "bob.pdf"


def test_folders_are_not_followed_forever(tmp_path: Path) -> None:
    write(tmp_path, {"alice/" + "a/" * 9 + "sums.py": PY})
    assert "is nested more than 8 folders deep." in one(tmp_path).left_out[0][1]


# Archives


def archive_refusal(tmp_path: Path, data: bytes) -> str:
    found = one(write(tmp_path, {"bob.zip": data}))
    assert found.files == ()
    assert found.problems == ()
    return found.left_out[0][1]


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    assert archive_refusal(tmp_path, b"PK\x03\x04 nothing") == (
        "bob.zip is not a complete archive (File is not a zip file); pack it again."
    )


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    data = packed({f"{i}.py": b"0" * 10_000_000 for i in range(7)})
    assert archive_refusal(tmp_path, data) == (
        "bob.zip would unpack to 70 MB from 0.1 MB, at most 64 MB are read; hand in your work only."
    )
    assert "would unpack to 20 MB" in archive_refusal(tmp_path, packed({"a.py": b"0" * 20_000_000}))


def test_a_bomb_that_lies_about_its_size_is_cut_off(tmp_path: Path) -> None:
    data = packed({"a.py": os.urandom(20_000).hex().encode() * 4})
    header = data.index(b"PK\x01\x02")
    lying = bytearray(data)
    lying[header + 24 : header + 28] = (1000).to_bytes(4, "little")
    assert "is damaged" in archive_refusal(tmp_path, bytes(lying))


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    assert archive_refusal(tmp_path, packed({f"{i}.txt": b"" for i in range(1_001)})) == (
        "bob.zip has more than 1,000 members; hand in your work only."
    )


@pytest.mark.parametrize(
    "name", ["../sums.py", "/etc/sums.py", "a/../../sums.py", "..\\sums.py", "C:/sums.py"]
)
def test_members_that_lead_out_are_left_out(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"bob.zip": packed({name: PY, "basics.py": PY})})
    found = one(tmp_path)
    assert [r.name for r in found.files] == ["basics.py"]
    assert found.left_out[0][1].endswith(
        "leads out of the archive; pack it again without such paths."
    )


def test_links_and_archives_in_archives_are_left_out(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("sums.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("inner.zip", packed({"sums.py": PY}))
        archive.writestr("basics.py", PY)
    write(tmp_path, {"bob.zip": buffer.getvalue()})
    found = one(tmp_path)
    assert [r.name for r in found.files] == ["basics.py"]
    assert [why for _, why in found.left_out] == [
        "bob.zip/sums.py is a symbolic link, which is not followed; pack the file itself.",
        "bob.zip/inner.zip is an archive within an archive, which is not read; pack the files "
        "themselves.",
    ]


def test_encrypted_and_oddly_compressed_members_are_left_out(tmp_path: Path) -> None:
    data = bytearray(packed({"sums.py": PY}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert archive_refusal(tmp_path, bytes(data)) == (
        "bob.zip/sums.py is encrypted; pack it without a password."
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("sums.py", PY)
    assert archive_refusal(tmp_path, buffer.getvalue()) == (
        "bob.zip/sums.py is compressed in a way that is not read; pack it as an ordinary zip."
    )


def test_a_member_that_is_damaged_costs_only_itself(tmp_path: Path) -> None:
    data = bytearray(packed({"sums.py": PY, "basics.py": PY}))
    data[40] ^= 255
    found = one(write(tmp_path, {"bob.zip": bytes(data)}))
    assert [r.name for r in found.files] == ["basics.py"]
    assert found.left_out[0][1].startswith("bob.zip/sums.py is damaged (")


def test_a_member_without_a_name_is_passed_over(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        nameless = zipfile.ZipInfo("x")
        nameless.filename = ""
        archive.writestr(nameless, b"")
        archive.writestr("sums.py", PY)
    found = one(write(tmp_path, {"bob.zip": buffer.getvalue()}))
    assert [r.name for r in found.files] == ["sums.py"]
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("flag", "why"), [(0x20, "compressed patched data (flag bit 5)"), (0x40, "strong encryption")]
)
def test_a_member_that_cannot_be_opened_costs_only_itself(
    tmp_path: Path, flag: int, why: str
) -> None:
    data = bytearray(packed({"basics.py": PY, "sums.py": PY}))
    data[data.rindex(b"PK\x01\x02") + 8] |= flag
    found = one(write(tmp_path, {"bob.zip": bytes(data)}))
    assert [r.name for r in found.files] == ["basics.py"]
    ((origin, said),) = found.left_out
    assert origin == "bob.zip/sums.py"
    assert said.startswith(f"bob.zip/sums.py is damaged ({why}") and said.endswith(
        "; pack it again."
    )


@given(st.data())
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_damaged_archive_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(packed({"sums.py": PY, "b/basics.ipynb": b"{}"}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    found = one(write(tmp_path, {"bob.zip": bytes(whole)}))
    assert found.problems == ()
    assert all(said.startswith("bob.zip") and said.endswith(".") for _, said in found.left_out)
