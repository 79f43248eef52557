from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import ConfigError
from benchmark.references import Reference, check, parse

DIGEST = "0123456789abcdef" * 4
WORD = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_]{0,8}[A-Za-z0-9])?", fullmatch=True)
VERSION = st.tuples(*[st.integers(0, 99)] * 3).map(lambda parts: ".".join(map(str, parts)))
PARTS = st.lists(st.from_regex(r"[\w é-]{1,8}x", fullmatch=True), max_size=3)
INNER = PARTS.map(lambda parts: "".join(f"/{part}" for part in parts))
BODIES = st.one_of(
    st.builds("pip:{}=={}{}".format, WORD, VERSION, INNER),
    st.builds("npm:{}@{}{}".format, WORD, VERSION, INNER),
    st.builds("npm:@{}/{}@{}{}".format, WORD.map(str.lower), WORD, VERSION, INNER),
    st.builds("https://{}.example/{}".format, WORD, WORD),
    st.builds("./{}/{}".format, WORD, WORD),
    st.builds("hub:{}/{}@{}".format, WORD, WORD, WORD),
)


@given(BODIES, st.booleans())
def test_a_reference_reads_its_own_text(body: str, pinned: bool) -> None:
    text = f"{body}#sha256={DIGEST}" if pinned and not body.startswith("hub:") else body
    found = parse(text)
    assert parse(found.text) == found
    assert str(found) == found.text == text
    assert found.label == body
    assert found.sha256 == (DIGEST if text != body else "")


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_one_clear_error(text: str) -> None:
    try:
        found = parse(text)
    except ConfigError as error:
        assert str(error).count("\n") == 0
    else:
        assert parse(found.text) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pip:six==1.16.0", ("pip", "six", "1.16.0", "")),
        ("pip:a_b==1!2.0+cpu.1/x/y.gguf", ("pip", "a_b", "1!2.0+cpu.1", "x/y.gguf")),
        (
            "npm:@socialgouv/legi-data@2.513.0/data/",
            ("npm", "@socialgouv/legi-data", "2.513.0", "data"),
        ),
        ("npm:tiny@1.0.0-rc.1", ("npm", "tiny", "1.0.0-rc.1", "")),
        ("hub:camembert-base", ("hub", "camembert-base", "", "")),
        ("Qwen/Qwen2.5-3B-Instruct", ("hub", "Qwen/Qwen2.5-3B-Instruct", "", "")),
        ("org/name@refs/pr/1", ("hub", "org/name", "refs/pr/1", "")),
        ("data/rows.jsonl", ("path", "data/rows.jsonl", "", "")),
        ("rows.jsonl", ("path", "rows.jsonl", "", "")),
        ("~/rows é.jsonl", ("path", "~/rows é.jsonl", "", "")),
        ("a/b/c", ("path", "a/b/c", "", "")),
        ("http://127.0.0.1:8000/x.json", ("https", "http://127.0.0.1:8000/x.json", "", "")),
        ("http://[::1]:80/x", ("https", "http://[::1]:80/x", "", "")),
    ],
)
def test_examples(text: str, expected: tuple[str, ...]) -> None:
    found = parse(text)
    assert (found.kind, found.name, found.version, found.path) == expected


def test_a_local_folder_wins_over_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse("org/name").kind == "hub"
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert parse("org/name").kind == "path"
    assert parse("hub:org/name").kind == "hub"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no package reference"),
        ("a\0b", "no package reference"),
        ("a\ud800", "no package reference"),
        ("pip:six", "pin a version: pip:NAME==VERSION"),
        ("pip:six>=1", "pin a version"),
        ("pip:six==1.*", "pin a version"),
        ("pip:--index-url=x==1", "pin a version"),
        ("npm:tiny", "pin a version: npm:NAME@VERSION"),
        ("npm:tiny@latest", "pin a version"),
        ("npm:tiny@^1.0.0", "pin a version"),
        ("npm:tiny@1.0.0 x", "pin a version"),
        ("pip:six==1/../../etc/passwd", "leaves the package"),
        ("pip:six==1//etc", "leaves the package"),
        ("npm:tiny@1.0.0/a\\..\\b", "leaves the package"),
        ("pip:six==1#sha256=12", "64 hexadecimal"),
        (f"pip:six==1#sha256={DIGEST}#sha256={DIGEST}", "64 hexadecimal"),
        (f"hub:a/b#sha256={DIGEST}", "pin its commit"),
        ("hub:a/b/c", "no hub id"),
        ("hub:", "no hub id"),
        ("hub:a/b@../c", "no hub id"),
        ("http://example.com/x", "use https://"),
        ("http://127.0.0.1.example.com/x", "use https://"),
        ("https://", "no URL"),
        ("https://host:port/x", "no URL"),
        ("https://user:secret@host/x", "user name or password"),
        ("ftp://host/x", "use https://"),
    ],
)
def test_mistakes(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace("(", r"\(")) as caught:
        parse(text)
    assert "secret" not in str(caught.value)


def test_a_checksum_in_capitals_is_the_same() -> None:
    assert parse(f"./x#sha256={DIGEST.upper()}").sha256 == DIGEST


def test_inside() -> None:
    package = parse(f"npm:@a/b@1.0.0#sha256={DIGEST}")
    found = package.inside("data/x.json")
    assert found == parse(f"npm:@a/b@1.0.0/data/x.json#sha256={DIGEST}")
    assert found.inside("y").path == "data/x.json/y"
    for text in ("folder/", "./folder", "~/folder", os.path.abspath("folder")):
        inner = Reference("path", text, "", "", "", text).inside("x")
        assert parse(inner.text) == inner
        assert inner.kind == "path" and inner.name.endswith("folder/x")
    with pytest.raises(ConfigError, match="leaves the package"):
        package.inside("../x")
    with pytest.raises(ConfigError, match="no files inside"):
        parse("hub:a/b").inside("x")


def test_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "é.jsonl").touch()
    check("é.jsonl")
    check("pip:nothing==0")  # only `fetch` can tell
    with pytest.raises(ConfigError, match=r"no such file or folder: data/rows\.jsonl; rel"):
        check("data/rows.jsonl")
    with pytest.raises(ConfigError, match="write hub:camembert-base"):
        check("camembert-base")
    with pytest.raises(ConfigError, match="no such home"):
        check("~nobody-is-called-so/x")
