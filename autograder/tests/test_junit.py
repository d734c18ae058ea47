"""JUnit XML: read by a parser that is not ours, valid for the strictest consumer, safe and fair."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import xmlschema
from junitparser import Error, Failure, JUnitXml, Skipped

from autograder.report.junit import junit_xml
from autograder.result import Status, SubmissionResult
from autograder.tests.test_report import HOSTILE, check, exercise, hostile, not_graded, submission

# What Jenkins accepts: no property in a test case, no `skipped` on the outermost element.
SUITE = """
<xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">
 <xs:element name="properties"><xs:complexType><xs:sequence>
  <xs:element name="property" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
   <xs:attribute name="name" type="xs:string" use="required"/>
   <xs:attribute name="value" type="xs:string" use="required"/>
  </xs:complexType></xs:element>
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="testcase"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">
  <xs:element name="skipped" type="reason"/><xs:element name="error" type="reason"/>
  <xs:element name="failure" type="reason"/>
  <xs:element name="system-out" type="xs:string"/><xs:element name="system-err" type="xs:string"/>
 </xs:choice>
  <xs:attribute name="name" type="xs:string" use="required"/>
  <xs:attribute name="classname" type="xs:string"/><xs:attribute name="time" type="seconds"/>
 </xs:complexType></xs:element>
 <xs:element name="system-out" type="xs:string"/><xs:element name="system-err" type="xs:string"/>
</xs:choice>
 <xs:attribute name="name" type="xs:string" use="required"/>
 <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
 <xs:attribute name="failures" type="xs:nonNegativeInteger" use="required"/>
 <xs:attribute name="errors" type="xs:nonNegativeInteger" use="required"/>
 <xs:attribute name="skipped" type="xs:nonNegativeInteger"/>
 <xs:attribute name="time" type="seconds"/><xs:attribute name="timestamp" type="xs:string"/>
 <xs:attribute name="hostname" type="xs:string"/><xs:attribute name="id" type="xs:string"/>
 <xs:attribute name="package" type="xs:string"/>
</xs:complexType>"""
SCHEMA = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:simpleType name="seconds"><xs:restriction base="xs:string">
 <xs:pattern value="[0-9]*([.][0-9]*)?"/></xs:restriction></xs:simpleType>
<xs:complexType name="reason" mixed="true">
 <xs:attribute name="type" type="xs:string"/><xs:attribute name="message" type="xs:string"/>
</xs:complexType>
<xs:element name="testsuites"><xs:complexType><xs:sequence>
 <xs:element name="testsuite" minOccurs="0" maxOccurs="unbounded">{SUITE}</xs:element>
</xs:sequence>
 <xs:attribute name="name" type="xs:string"/><xs:attribute name="time" type="seconds"/>
 <xs:attribute name="tests" type="xs:nonNegativeInteger"/>
 <xs:attribute name="failures" type="xs:nonNegativeInteger"/>
 <xs:attribute name="errors" type="xs:nonNegativeInteger"/>
</xs:complexType></xs:element>
</xs:schema>"""
# In Unicode, but in no XML document: not even as a reference.
NO_XML = "a\x00b\x08c\x1bd\x7fe\ufffef\uffffg\ud800h\u202ei\U0001fffej"


def valid(text: str) -> None:
    xmlschema.XMLSchema(SCHEMA).validate(text)


def read(text: str, folder: Path) -> JUnitXml:
    path = folder / "junit.xml"
    path.write_bytes(text.encode("utf-8"))
    return JUnitXml.fromfile(str(path))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("failed", Failure),
        ("not_attempted", Failure),
        ("raised", Error),
        ("timed_out", Error),
        ("over_memory", Error),
        ("skipped", Skipped),
        ("not_graded", Error),
    ],
)
def test_a_parser_reads_every_status_as_what_it_is(
    tmp_path: Path, status: Status, kind: type
) -> None:
    text = junit_xml([submission("ada", exercise(check(status), check("passed")))])
    valid(text)
    (suite,) = read(text, tmp_path)
    one, two = suite
    assert [type(r) for r in one.result] == [kind] and one.result[0].type == status
    assert two.result == []
    assert (suite.tests, suite.failures + suite.errors + suite.skipped) == (2, 1)
    assert one.classname == "ada.vol.scale"


def test_the_sentence_of_a_check_is_the_message_and_its_points_are_properties(
    tmp_path: Path,
) -> None:
    wrong = check("failed", message="out differs.", hint="Divide by n.", mistake="forgets_n")
    text = junit_xml([submission("ada", exercise(wrong, check("passed")))])
    (suite,) = read(text, tmp_path)
    (failure,) = next(iter(suite)).result
    assert failure.message == (
        "Values agree with the definition: failed, 0 of 2 points. out differs. Hint: Divide by n."
    )
    assert {p.name: p.value for p in suite.properties()} == {
        "student": "ada",
        "exercise": "vol/scale",
        "status": "graded",
        "points": "2",
        "max_points": "4",
        "isolation": "A",
        "points of scale: Values agree with the definition": "0 of 2",
        "points of scale: Values agree with the definition (2)": "2 of 2",
    }
    assert "forgets_n" not in text


def test_what_is_not_graded_has_no_points_and_no_reason(tmp_path: Path) -> None:
    text = junit_xml([submission("ada", not_graded())])
    valid(text)
    (suite,) = read(text, tmp_path)
    assert "zygote" not in text
    assert "points" not in {p.name for p in suite.properties()}
    assert suite.errors == 1


def test_missing_and_unreadable_work_is_a_case_of_its_own(tmp_path: Path) -> None:
    gone = exercise(functions=(), status="missing", points=0.0, max_points=5.0)
    torn = exercise(functions=(), status="unreadable", reason="scale.ipynb is cut off.")
    text = junit_xml([submission("ada", gone, torn)])
    valid(text)
    first, second = read(text, tmp_path)
    assert [type(r) for case in first for r in case.result] == [Failure]
    (error,) = next(iter(second)).result
    assert error.message == "What was handed in cannot be read. scale.ipynb is cut off."


@pytest.mark.parametrize("text", [HOSTILE, NO_XML, "]]>", "<!--", "&amp;&#0;", "a\nb\u2028c"])
def test_whatever_a_student_writes_the_file_stays_xml(tmp_path: Path, text: str) -> None:
    made = junit_xml([hostile(text), submission(text, exercise(check("passed", points=1.0)))])
    valid(made)
    suites = list(read(made, tmp_path))
    plain = junit_xml([hostile("plain"), submission("plain", exercise(check("passed")))])
    assert [s.tests for s in suites] == [s.tests for s in read(plain, tmp_path)]
    assert [e.tag for e in ET.fromstring(made).iter() if e.tag != "system-out"] == [
        e.tag for e in ET.fromstring(plain).iter()
    ]


def test_a_class_is_one_file_with_totals(tmp_path: Path) -> None:
    results: list[SubmissionResult] = [
        submission("zoe", exercise(check("failed"), check("raised"))),
        submission("ada", exercise(check("passed"))),
    ]
    text = junit_xml(results)
    valid(text)
    root = read(text, tmp_path)
    assert (root.tests, root.failures, root.errors) == (3, 1, 1)
    assert [suite.name for suite in root] == ["ada vol/scale", "zoe vol/scale"]


def test_an_unknown_attribute_would_not_be_valid() -> None:
    text = junit_xml([submission("ada", exercise(check("passed")))])
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        valid(text.replace("<testcase ", '<testcase points="2" ', 1))
