"""What holds for every reporter of the registry."""

from __future__ import annotations

import io
import runpy
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BenchError, ConfigError
from benchmark.plugins import REPORTERS, Plugin, Report
from benchmark.records import Example, Generation, Message

MADE = runpy.run_path(str(Path(__file__).parents[1] / "reporters" / "conftest.py"))
build_report: Callable[[Path], Report] = MADE["build_report"]
empty_report: Callable[[Path], Report] = MADE["empty_report"]

NAMES = [entry.name for entry in REPORTERS.entries() if entry.origin == "built in"]
HOSTILE = (
    "<script>document.title='x'</script>",
    "</script></style></textarea>--><script>alert(1)</script>",
    "| pipe | `tick` ``` fence\n```\n# head\n\n---\n",
    "[bold red]markup[/] [/nothing] [link=https://example.org]x[/link]",
    "{{ 7 * 7 }} {% include 'x' %} {# no #} %(name)s {0} $x",
    "NUL \0, escape \x1b]0;title\x07\x1b[31m, lone \ud800 and \udfff, \u202eright to left\u202c",
    "lines\r\nof\rall\u2028kinds\u2029\x85 \x0b\x0c",
    "état d'urgence, œuvre, 漢字, 👩‍⚖️, e\u0301",
    "mot " * 5_000,
    "x" * 30_000,
    "",
    " \n\t ",
)


def hostile(report: Report) -> Report:
    """Put each hostile text wherever the outside world can put one."""
    results, first = report.results, report.results.candidates[0]
    everything = " ".join(HOSTILE[:8])
    examples = [
        Example(
            id=f"{place} {text[:200]}",
            prompt=(Message(role="system", content=text), Message(role="user", content=text)),
            references=(HOSTILE[place - 1], text),
            group=text[:200],
            meta={text[:200]: text[:200]},
        )
        for place, text in enumerate(HOSTILE)
    ]
    generations = [
        Generation(example_id=one.id, candidate=first.name, text=text)
        for one, text in zip(examples, HOSTILE, strict=True)
    ]
    failures = [
        Generation(example_id=one.id, candidate="few-shot", text=None, error=text, finish="error")
        for one, text in zip(examples, HOSTILE, strict=True)
    ]
    candidates = [
        one.model_copy(update={"description": everything, "error": everything})
        for one in results.candidates
    ]
    gates = tuple(
        gate.model_copy(update={"reason": text, "gate": text, "outcome": "fail"})
        for gate in results.gates
        for text in HOSTILE
    )
    dataset = results.dataset.model_copy(
        update={
            "name": everything,
            "notes": HOSTILE,
            "sources": dict.fromkeys(HOSTILE, everything),
            "dropped": dict.fromkeys(HOSTILE, 3),
        }
    )
    texts = dict.fromkeys(("suite", "run_id", "command", "started", "finished"), everything)
    return replace(
        report,
        results=results.model_copy(
            update={
                **texts,
                "candidates": tuple(candidates),
                "gates": gates,
                "verdict": "fail",
                "dataset": dataset,
            }
        ),
        examples=examples,
        generations={first.name: generations, "few-shot": failures},
    )


def write(name: str, report: Report, **parameters: Any) -> tuple[Path | None, bytes]:
    """Run a reporter; return the file it names, and all that it wrote or printed."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        path = REPORTERS.load(name)(**parameters).write(report)
    content = path.read_bytes() if path else b""
    return path, content + printed.getvalue().encode()


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_is_a_plugin_with_a_signature(name: str) -> None:
    reporter = REPORTERS.load(name)()
    assert isinstance(reporter, Plugin)
    assert reporter.signature and reporter.key


def test_unknown_parameters_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no_such_parameter"):
        REPORTERS.load(name)(no_such_parameter=1)


def test_an_unknown_reporter_is_named_with_what_was_meant() -> None:
    with pytest.raises(ConfigError, match="did you mean 'markdown'"):
        REPORTERS.load("markdwon")


def test_it_returns_a_file_in_the_folder_or_none(name: str, tmp_path: Path) -> None:
    path, content = write(name, build_report(tmp_path / "new" / "run"))
    assert path is None or (path.is_file() and path.parent == tmp_path / "new" / "run")
    assert b"citation_accuracy" in content.replace(b"citation_\naccuracy", b"citation_accuracy")
    assert b"lora" in content


def test_nothing_else_is_left_in_the_folder(name: str, tmp_path: Path) -> None:
    path, _ = write(name, build_report(tmp_path))
    assert list(tmp_path.iterdir()) == ([path] if path else [])


def test_the_same_report_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    first, second = (write(name, build_report(tmp_path))[1] for _ in range(2))
    assert first == second


def test_a_report_in_which_nothing_happened(name: str, tmp_path: Path) -> None:
    _, content = write(name, empty_report(tmp_path))
    assert content.decode()


def test_no_candidate_at_all(name: str, tmp_path: Path) -> None:
    report = empty_report(tmp_path)
    bare = report.results.model_copy(update={"candidates": ()})
    assert write(name, replace(report, results=bare))[1].decode()


def test_numbers_that_are_missing_or_not_numbers(name: str, tmp_path: Path) -> None:
    report = build_report(tmp_path)
    for odd in (None, float("nan"), float("inf"), -1e300, 0.0):
        values = {"value": odd, "low": odd, "high": odd}
        deltas = {"difference": odd, "low": odd, "high": odd, "p": odd}
        results = report.results.model_copy(
            update={
                "scores": tuple(one.model_copy(update=values) for one in report.results.scores),
                "comparisons": tuple(
                    one.model_copy(update=deltas) for one in report.results.comparisons
                ),
            }
        )
        assert write(name, replace(report, results=results))[1].decode()


def test_hostile_texts_are_survived(name: str, tmp_path: Path) -> None:
    _, content = write(name, hostile(build_report(tmp_path)))
    text = content.decode("utf-8")  # raises if it is not UTF-8
    assert "état d'urgence" in text.replace("&#39;", "'")
    assert "\0" not in text and "\x1b" not in text
    if name != "json":  # which keeps what it was given, escaped
        assert "\u202e" not in text


def test_a_failed_candidate_is_shown_with_its_error(name: str, tmp_path: Path) -> None:
    content = write(name, build_report(tmp_path))[1].decode()
    assert "dora" in content
    assert "the loss became NaN at step 14" in content


def test_failed_answers_are_counted(name: str, tmp_path: Path) -> None:
    content = write(name, build_report(tmp_path))[1].decode()
    assert ('"failed": 1' if name == "json" else "31, 1 failed") in content


def test_a_folder_that_cannot_be_written_is_one_clear_line(name: str, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    if name == "console":
        write(name, build_report(blocked))  # writes no file
        return
    with pytest.raises(BenchError, match="cannot write the report") as caught:
        write(name, build_report(blocked))
    assert "\n" not in str(caught.value)
    assert str(blocked) in str(caught.value)
