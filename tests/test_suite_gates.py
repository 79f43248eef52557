"""Gates that mean nothing are refused when the suite is read, with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.errors import ConfigError
from benchmark.suite_file import load_suite, to_yaml

SUITE = """\
suite: x
dataset: {use: jsonl, path: rows.jsonl}
backend: echo
candidates: {base: , lora: }
baseline: base
metrics: {rouge: }
judges: {nice: {use: fixed}}
gates:
  g: {score: rougeL, %s}
"""

HERE = "suite.yaml:9: gates.g"


def problems(tmp_path: Path, rule: str) -> list[str]:
    """Return what is said of a suite with this gate, without the folder."""
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE % rule, encoding="utf-8")
    try:
        load_suite(path)
    except ConfigError as error:
        return [str(problem).replace(f"{tmp_path}/", "") for problem in error.problems]
    return []


BAD = {
    "floor: .nan": f"{HERE}.floor: .nan is not a finite number",
    "floor: .inf": f"{HERE}.floor: .inf is not a finite number",
    "floor: -0.1": f"{HERE}.floor: must be at least 0, found -0.1",
    'floor: "0.5"': f"{HERE}.floor: expected a number, found text '0.5'",
    "max_drop: .nan": f"{HERE}.max_drop: .nan is not a finite number",
    "max_drop: -.inf": f"{HERE}.max_drop: -.inf is not a finite number",
    "max_drop: -0.05": f"{HERE}.max_drop: must be at least 0, found -0.05",
    "ratio: 0": f"{HERE}.ratio: must be above 0, found 0",
    "ratio: .inf": f"{HERE}.ratio: .inf is not a finite number",
    "floor: 0.5, min_n: 1": f"{HERE}.min_n: must be at least 2, found 1",
    "floor: 0.5, on_inconclusive: maybe": (
        f"{HERE}.on_inconclusive: expected 'fail' or 'pass', found text 'maybe'"
    ),
    "max_drop: 0.1, ratio: 1": (
        f"{HERE}: `max_drop` and `ratio` are two margins of one comparison; keep one"
    ),
    "floor: 0.5, against: accepted": (
        f"{HERE}: `against` is for `max_drop` and `ratio`; add one of them or remove it"
    ),
    "max_drop: 0.1, against: yesterday": (
        f"{HERE}.against: is 'yesterday'; write baseline, accepted or a file ending in .json"
    ),
    "judge: nice, floor: 0.5": f"{HERE}: judges `score` and `judge`; write a gate for each",
    "max_leaks: 0.1": f"{HERE}: judges `score` and `max_leaks`; write a gate for each",
    "floor: 0.5, slice: code, where: {code: x}": (
        f"{HERE}: `where` keeps one value of 'code' and `slice` asks for all; keep one"
    ),
    "beats: lora, candidates: [lora]": (
        f"{HERE}: 'lora' cannot beat itself; take it out of `candidates` or of `beats`"
    ),
    "beats: lore": f"{HERE}.beats: no candidate is called 'lore'; did you mean 'lora'?",
    "max_drop: 0.1, candidates: [base]": (
        f"{HERE}.candidates.0: 'base' is the baseline, and `max_drop` compares with the baseline; "
        "use `floor`, or name another candidate"
    ),
}


@pytest.mark.parametrize("rule", BAD)
def test_thresholds_that_mean_nothing_are_refused_with_their_line(
    tmp_path: Path, rule: str
) -> None:
    assert problems(tmp_path, rule) == [BAD[rule]]


@pytest.mark.parametrize(
    "rule, problem",
    [
        ("{floor: 0.5}", "names nothing to judge; give `score` or `judge`"),
        ("{max_cost: {}}", ".max_cost: sets no limit; give `price`, `seconds` or `tokens`"),
        ("{max_cost: {tokens: 0}}", ".max_cost.tokens: must be above 0, found 0"),
        ("{max_cost: {seconds: .nan}}", ".max_cost.seconds: .nan is not a finite number"),
        ("{max_leaks: 1.5}", ".max_leaks: must be at most 1, found 1.5"),
        ("{max_leaks: 0.1, where: {code: x}}", "is about the test side"),
        ("{max_cost: {tokens: 5}, floor: 1}", "`floor` is a bound on a score, and this gate"),
        ("{judge: nicer, floor: 0.5}", ".judge: no judge is called 'nicer'; did you mean 'nice'?"),
    ],
)
def test_gates_on_other_things(tmp_path: Path, rule: str, problem: str) -> None:
    text = SUITE.replace("{score: rougeL, %s}", "%s")
    (tmp_path / "suite.yaml").write_text(text % rule, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_suite(tmp_path / "suite.yaml")
    line = str(caught.value.problems[0])
    assert f"{tmp_path}/{HERE}" in line and problem in line


def test_every_kind_of_gate_loads_and_comes_back_from_yaml(tmp_path: Path) -> None:
    rules = """\
  a: {score: rougeL, floor: 0.5, max_drop: 0.1, against: accepted, candidates: [base, lora]}
  b: {score: rougeL, ratio: 1.1, against: old.json, where: {code: travail}}
  c: {score: rougeL, beats: base, slice: length, min_n: 10, on_inconclusive: pass}
  d: {judge: nice, floor: 0.5}
  e: {max_cost: {price: 0.01, seconds: 2, tokens: 100}}
  f: {max_leaks: 0.0}
"""
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE.partition("  g:")[0] + rules, encoding="utf-8")
    suite = load_suite(path)
    (tmp_path / "again.yaml").write_text(to_yaml(suite), encoding="utf-8")
    assert load_suite(tmp_path / "again.yaml").gates == suite.gates
    assert list(suite.gates) == list("abcdef")
