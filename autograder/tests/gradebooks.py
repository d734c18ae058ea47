"""Gradebooks that do with a file what the importers of Canvas and Moodle do with it.

Written from what the importers' sources do, not copied; neither platform is needed.
"""

import csv
import io
import re

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Notes,Scale (501),Midterm (502),Final Score
,,,,,,Manual Posting,,
    Points Possible,,,,,,2.00,30.00,(read only)
"Lee, Ann",11,S-11,ann,One,likes tea,1.00,25.00,88
"Bee, Bob",12,S-12,bob@uni.example,One,,,,
"Öz, Çem",13,S-13,cem,"One, Two",,,20.00,70
"Student, Test",99,,f3a9,One,,,,
"""
MOODLE = """\
First name,Last name,ID number,Email address,Assignment: Scale (Real),Last downloaded
Ann,Lee,S-11,ann@uni.example,1.50,1763650000
Bob,Bee,S-12,bob@uni.example,-,1763650000
Çem,Öz,S-13,cem@uni.example,2.00,1763650000
"""


class Canvas:
    """A gradebook with the people and assignments of `CANVAS`."""

    def __init__(self) -> None:
        self.people = {11: "Lee, Ann", 12: "Bee, Bob", 13: "Öz, Çem", 99: "Student, Test"}
        self.possible = {"Scale": 2.0, "Midterm": 30.0}
        self.grades = {(11, "Scale"): "1.00", (11, "Midterm"): "25.00", (13, "Midterm"): "20.00"}
        self.numbers = {501: "Scale", 502: "Midterm"}

    def imports(self, text: str) -> None:
        first = text.splitlines()[:3]
        # A delimiter is one that cuts the first lines alike.
        counts = {d: {len(next(csv.reader([x], delimiter=d))) for x in first} for d in ";,"}
        delimiter = ";" if len(counts[";"]) == 1 and max(counts[";"]) > max(counts[","]) else ","
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
        header = rows[0]
        assert "Student" in header[0] and "ID" in header[1] and len(header) > 3
        columns = 3
        if re.search(r"SIS\s+Login\s+ID", header[2]):
            columns = 4
        elif "SIS User ID" in header[2] and "SIS Login ID" in header[3]:
            columns = 5
        columns += "Notes" in header
        assert "Section" in header[columns - 1 - ("Notes" in header)]
        titles: dict[int, str] = {}
        for place, heading in enumerate(header[columns:], start=columns):
            if re.search("(Current|Final|Override) (Score|Points|Grade)", heading):
                continue
            found = re.fullmatch(r"(.*)\s\((\d+)\)", heading)
            title = self.numbers.get(int(found[2]), found[1]) if found else heading
            assert header.index(heading) == place, "the second of two equal headings is lost"
            titles[place] = title
            self.possible.setdefault(title, 0.0)
        for row in rows[1:]:
            assert len(row) == len(header)
            if "Points Possible" in row[0]:
                self.possible.update({t: self.decimal(row[p]) for p, t in titles.items() if row[p]})
            elif not all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell) for cell in row):
                self.student(row, titles)

    def student(self, row: list[str], titles: dict[int, str]) -> None:
        by_name = {name: number for number, name in self.people.items()}
        number = int(row[1]) if row[1].isdecimal() else by_name.get(row[0], -1)
        assert number in self.people, f"{row[0]} is made as a new student"
        for place, title in titles.items():
            if row[place]:
                self.decimal(row[place])
                self.grades[number, title] = row[place]
            else:
                self.grades.pop((number, title), None)

    @staticmethod
    def decimal(cell: str) -> float:
        """Both marks count as decimal points, the last one does."""
        assert re.fullmatch(r"-?[0-9.,]+%?", cell), f"{cell!r} is no score"
        *whole, last = re.split("[,.]", cell)
        return float(f"{''.join(whole)}.{last}" if whole else last)


class Moodle:
    """A gradebook with the people of `MOODLE`; columns are mapped by their order."""

    def __init__(self) -> None:
        self.people = {"ann@uni.example": 1, "bob@uni.example": 2, "cem@uni.example": 3}
        self.grades: dict[tuple[int, str], float | None] = {(1, "Scale"): 1.5, (3, "Scale"): 2.0}
        self.feedback: dict[tuple[int, str], str] = {}

    def imports(self, text: str, *, new: bool = False) -> None:
        header, *rows = list(csv.reader(io.StringIO(text), strict=True))
        changes, comments, person = dict(self.grades), dict(self.feedback), 0
        for row in rows:
            assert len(row) == len(header)
            if row[0].strip() not in ("", "0"):  # else the person of the row before
                assert row[0] in self.people, "the whole import is given up"
                person = self.people[row[0]]
            assert person
            for place in range(2, len(header), 2):
                grade = row[place].strip()
                assert grade or not new, "an empty text is no number for the database"
                changes[person, header[place]] = None if grade in ("", "-") else float(grade)
                assert changes[person, header[place]] is None or "e" not in grade
                comments[person, header[place]] = row[place + 1]
        self.grades, self.feedback = changes, comments
