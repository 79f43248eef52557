"""Content keys: equal inputs meet, different ones never do, comments do not count."""

from __future__ import annotations

import importlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.keys import canonical, code_version, key, sha256_of_rows

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(value=json_values)
def test_a_key_repeats(value):
    assert key(part=value) == key(part=value)
    assert len(key(part=value)) == 32


@given(left=json_values, right=json_values)
def test_different_values_have_different_keys(left, right):
    assert (key(part=left) == key(part=right)) == (canonical(left) == canonical(right))


def test_order_of_names_does_not_count():
    assert key(a=1, b={"x": 1, "y": 2}) == key(b={"y": 2, "x": 1}, a=1)


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(ValueError):
        key(value=float("nan"))
    with pytest.raises(TypeError):
        key(value=object())


def test_rows_do_not_run_together():
    assert sha256_of_rows(["ab", "c"]) != sha256_of_rows(["a", "bc"])


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two modules, the first importing the second, made anew for each source."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(first, second="VALUE = 1\n"):
        from benchmark import keys

        folder = tmp_path / "madeup"
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text("")
        (folder / "first.py").write_text(first)
        (folder / "second.py").write_text(second)
        for name in [name for name in sys.modules if name.startswith("madeup")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        for cached in (keys.code_version, keys._source, keys._tree):
            cached.cache_clear()
        return code_version("madeup.first")

    return write


FIRST = "from madeup.second import VALUE\n\n\ndef f():\n    return VALUE + 1\n"


def test_comments_docstrings_and_layout_do_not_change_the_version(package):
    before = package(FIRST)
    commented = FIRST.replace("def f():\n", 'def f():\n    """Say."""\n    # why\n\n')
    assert package('"""Module."""\n' + commented) == before


def test_code_and_the_code_it_imports_do_change_it(package):
    before = package(FIRST)
    assert package(FIRST.replace("+ 1", "+ 2")) != before
    assert package(FIRST, "VALUE = 2\n") != before
    assert package(FIRST) == before
