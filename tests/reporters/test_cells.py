"""CSV cells: no formula, and the same text when it is read back."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payloads import FORMULAS, PAYLOADS

from benchmark.reporters.cells import encodable, guarded, plain

DANGER = tuple("=+-@\t\r\n＝＋－＠")
"""What OWASP's page on CSV injection names, and the full-width signs of the same."""
odd = st.text(alphabet=st.sampled_from("=+-@;\t\r\n\"' ,a1é＝"), max_size=12)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("-5", "'-5"),
        ("\t=x", "'\t'=x"),
        ("'=1", "''=1"),
        ('"=1', "'\"=1"),
        ("a;=1", "a;'=1"),
        ("a\n- point\nb", "a\n'- point\nb"),
        ("L. 4121-1 = a+b", "L. 4121-1 = a+b"),
        ("l'article", "l'article"),
        ("'quoted'", "'quoted'"),
        ("", ""),
        ("a\x00\x1b[2J\ud800", "a␀␛[2J\ufffd"),
        ("a\r\nb\u2028c", "a\r\nb\u2028c"),
    ],
)
def test_cells(text, cell):
    assert guarded(text) == cell


@given(odd | st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_a_text_reads_back_equal(text):
    cell = guarded(text)
    assert plain(cell) == text
    # Only texts that some program takes for a formula are changed at all.
    if not re.search(r"(\A|[;\t\r\n])[\"']*[=+\-@\t\r\n＝＋－＠]", text):
        assert cell == text


@given(odd)
def test_no_program_sees_a_formula(text):
    file = io.StringIO(newline="")
    csv.writer(file).writerow(["id", guarded(text), "end"])
    (row,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert not row[1].startswith(DANGER)
    # Split as a spreadsheet does whose separator is ";" or a tab, and which ends a record at a
    # line end where the quote is not at a cell's beginning: no part begins like a formula.
    parts = re.split(r"[;\t\r\n]", row[1])
    assert not any(part.lstrip('"').startswith(tuple("=+-@＝")) for part in parts)


@pytest.mark.parametrize("name", list(PAYLOADS))
def test_payloads_are_inert(name):
    cell = guarded(PAYLOADS[name])
    assert not cell.startswith(DANGER)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", cell)
    cell.encode("utf-8")
    if "formula: " in name and name not in ("formula: end of a cell",):
        assert plain(cell) == FORMULAS[name.removeprefix("formula: ")]


def test_what_utf8_cannot_hold():
    assert encodable("a\ud800b\x00") == "a\ufffdb\x00"
