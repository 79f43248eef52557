import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import ConfigError
from benchmark.suite import GateSpec, Suite
from benchmark.suite_file import load_suite, read, to_yaml, validate
from benchmark.yaml_lines import dump, parse

SMALL = """\
suite: petit
dataset: {use: jsonl, path: questions.jsonl}
backend: {use: hf, model: here}
candidates:
  base:
  lora:
    train: {r: 8, learning_rate: 1e-3}
  few: {few_shot: 2, generation: {max_new_tokens: 8}}
baseline: base
metrics:
  rouge:
  main: {use: bleu, max_order: 2}
gates:
  keep: {score: rougeL, max_drop: 0.05}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write files into an empty folder and stand in it, so that names in messages are short."""
    monkeypatch.chdir(tmp_path)

    def writer(**files):
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            (tmp_path / f"{name}.yaml").write_bytes(data)

    return writer


def problems(path, *overrides):
    with pytest.raises(ConfigError) as error:
        load_suite(path, overrides)
    return [str(problem) for problem in error.value.problems]


def test_a_small_suite(write):
    write(small=SMALL)
    suite = load_suite("small.yaml")
    assert suite.suite == "petit"
    assert suite.dataset.use == "jsonl"
    assert suite.dataset.parameters == {"path": "questions.jsonl"}
    assert suite.candidates["lora"].train.learning_rate == 0.001
    assert suite.candidates["few"].few_shot.k == 2
    assert suite.metrics["rouge"].use == "rouge"
    assert suite.metrics["main"].parameters == {"max_order": 2}
    assert suite.gates["keep"] == GateSpec(score="rougeL", max_drop=0.05)
    assert list(suite.reports) == ["json", "markdown", "html", "junit", "console"]


def test_the_origin_knows_each_line(write):
    write(small=SMALL)
    where = load_suite("small.yaml").origin.where
    assert where("candidates", "lora", "train", "r") == ("small.yaml:7: candidates.lora.train.r")
    assert where("metrics", "rouge", "tokenizer") == "small.yaml:11: metrics.rouge.tokenizer"
    assert where("seed") == "small.yaml: seed"


BROKEN = {
    "unknown key": (
        SMALL.replace("max_drop", "max_dorp"),
        [
            "x.yaml:14: gates.keep.max_dorp: unknown key; did you mean 'max_drop'?",
        ],
    ),
    "unknown key at the top": (
        SMALL + "sead: 3\n",
        ["x.yaml:15: sead: unknown key; did you mean 'seed'?"],
    ),
    "unknown candidate": (
        SMALL.replace("baseline: base", "baseline: bsae"),
        ["x.yaml:9: baseline: no candidate is called 'bsae'; did you mean 'base'?"],
    ),
    "a gate for nobody, and one for the baseline": (
        SMALL.replace("0.05", "0.05, candidates: [lroa, base]"),
        [
            "x.yaml:14: gates.keep.candidates.0: no candidate is called 'lroa'; "
            "did you mean 'lora'?",
            "x.yaml:14: gates.keep.candidates.1: 'base' is the baseline, and `max_drop` compares "
            "with the baseline; use `floor`, or name another candidate",
        ],
    ),
    "a gate without a bound": (
        SMALL.replace(", max_drop: 0.05", ""),
        [
            "x.yaml:14: gates.keep: sets no bound; give `floor`, `max_drop`, `ratio`, `beats`, "
            "`max_cost` or `max_leaks`"
        ],
    ),
    "two adapters": (
        SMALL.replace("    train:", "    adapter: here\n    train:"),
        ["x.yaml:6: candidates.lora: has both `train` and `adapter`; keep one"],
    ),
    "missing keys": (
        "suite: x\ndataset: {path: a}\nbackend: hf\nbaseline: a\ncandidates: {a: }\nmetrics: {}\n",
        ["x.yaml:2: dataset.use: is missing", "x.yaml:6: metrics: is empty; name at least one"],
    ),
    "wrong types": (
        SMALL.replace("r: 8", "r: '8', dropout: a lot, gradient_checkpointing: yes")
        + "seed:\nresamples: 1e4\ndescription: 3\nlimit: [1]\n",
        [
            "x.yaml:7: candidates.lora.train.dropout: expected a number, found text 'a lot'",
            "x.yaml:7: candidates.lora.train.gradient_checkpointing: "
            "expected true or false or 'auto', found text 'yes'",
            "x.yaml:7: candidates.lora.train.r: expected a whole number, found text '8'",
            "x.yaml:15: seed: expected a whole number, found nothing",
            "x.yaml:16: resamples: expected a whole number, found 10000.0",
            "x.yaml:17: description: expected text, found 3; put it in quotes",
            "x.yaml:18: limit: expected a whole number, found a list",
        ],
    ),
    "unions without their branches": (
        SMALL.replace("r: 8", "target_modules: all-linaer")
        + "split: {train: abc, test: -1, validation: {a: 1}}\n",
        [
            "x.yaml:7: candidates.lora.train.target_modules: expected 'all-linear' or a list, "
            "found text 'all-linaer'; did you mean 'all-linear'?",
            "x.yaml:15: split.test: must be at least 0, found -1",
            "x.yaml:15: split.train: expected a number, found text 'abc'",
            "x.yaml:15: split.validation: expected a number, found a mapping",
        ],
    ),
    "a union whose part is wrong": (
        SMALL.replace("r: 8", "target_modules: [q_proj, 1]"),
        [
            "x.yaml:7: candidates.lora.train.target_modules.1: expected text, found 1; "
            "put it in quotes",
        ],
    ),
    "bounds": (
        SMALL.replace("max_new_tokens: 8", "max_new_tokens: 0, top_p: 2, temperature: -1").replace(
            "r: 8", "epochs: 0, dropout: 1"
        ),
        [
            "x.yaml:7: candidates.lora.train.dropout: must be below 1, found 1",
            "x.yaml:7: candidates.lora.train.epochs: must be above 0, found 0",
            "x.yaml:8: candidates.few.generation.max_new_tokens: must be at least 1, found 0",
            "x.yaml:8: candidates.few.generation.temperature: must be at least 0, found -1",
            "x.yaml:8: candidates.few.generation.top_p: must be at most 1, found 2",
        ],
    ),
    "a list where names are wanted": (
        SMALL.replace("  rouge:\n  main: {use: bleu, max_order: 2}\n", "  - rouge\n")
        + "judges: [fixed]\nlimit: 0\n",
        [
            "x.yaml:10: metrics: is a list, but it maps names to settings; "
            "write `name:` instead of `- name`",
            "x.yaml:14: judges: is a list, but it maps names to settings; "
            "write `name:` instead of `- name`",
            "x.yaml:15: limit: must be at least 1, found 0",
        ],
    ),
    "names that no file can have": (
        SMALL.replace("  base:\n", "  base:\n  ../é:\n"),
        [
            "x.yaml:6: candidates.../é: text '../é' is no name; up to 64 of a-z, A-Z, 0-9, dot, "
            "dash, underscore; a letter or digit first"
        ],
    ),
    "more examples than rows": (
        SMALL + "split: {train: 1}\n",
        [
            "x.yaml:8: candidates.few.few_shot: shows 2 solved examples, but `split.train` keeps "
            "1; raise `split.train` or lower `k`"
        ],
    ),
    "shares above 1": (
        SMALL + "split: {train: 0.9, test: 0.2}\n",
        [
            "x.yaml:15: split: shares are at most 1, also in sum; "
            "write a count without a decimal point"
        ],
    ),
    "a key twice": (
        SMALL + "seed: 1\nseed: 2\n",
        ["x.yaml:16: seed: is already set on line 15; keep one of them"],
    ),
    "tags and numbers that are none": (
        SMALL.replace("rouge:\n", "rouge: {a: !!python/name:os.system , b: .nan, c: !!int x}\n"),
        [
            "x.yaml:11: metrics.rouge.a: the tag !!python/name:os.system is not allowed; "
            "write a plain value",
            "x.yaml:11: metrics.rouge.b: .nan is not a finite number",
            "x.yaml:11: metrics.rouge.c: 'x' cannot be read as a number or a boolean",
        ],
    ),
    "escapes that no file can hold": (
        SMALL + 'description: "a\\0b \\ud800"\n"cl\\ud800é": 1\n',
        [
            "x.yaml:15: description: the text holds a character that cannot be printed",
            "x.yaml:16: cl\\ud800é: a key holds a character that cannot be printed",
        ],
    ),
    "merge keys and keys that are lists": (
        SMALL.replace("r: 8", "<<: {r: 8}, [a]: 1"),
        [
            "x.yaml:7: candidates.lora.train.<<: merge keys are not read; "
            "use `extends:`, or an alias",
            "x.yaml:7: candidates.lora.train: a key is a list or a mapping; write a plain name",
        ],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_problem_at_once_with_its_line(write, name):
    text, expected = BROKEN[name]
    write(x=text)
    assert sorted(problems("x.yaml")) == sorted(expected)


UNREADABLE = {
    "tab": (
        "suite: x\n\tseed: 1\n",
        ":2: a tab stands where YAML wants spaces; indent with spaces",
    ),
    "two colons": (
        "suite: a: b\n",
        ":1: a second `: ` stands inside a value; put the value in quotes, or",
    ),
    "indentation": (
        "suite: x\n  seed: 1\n",
        ":2: a second `: ` stands inside a value; put the value in quotes, or",
    ),
    "outdented": (
        "a:\n    b: 1\n  c: 2\n",
        ":3: this line does not line up with the lines above; "
        "check the indentation, and the brackets and quotes above",
    ),
    "open bracket": (
        "suite: [a\nseed: 1",
        ":2: cannot be read as YAML: expected ',' or ']', but got ':'",
    ),
    "no colon": ("suite: x\nseed\nlimit: 1\n", ":3: a `:` is missing here or on the line above"),
    "unknown alias": ("suite: *a\n", ":1: cannot be read as YAML: found undefined alias 'a'"),
    "two documents": ("suite: x\n---\na: 1\n", ":2: a second document begins; keep one document"),
    "list": ("- a\n", ":1: is no mapping of keys to values; write `key: value`"),
    "text": ("\n\nbonjour\n", ":3: is no mapping of keys to values; write `key: value`"),
    "empty": ("", ": is empty; write at least `suite: name`"),
    "comment only": ("# rien\n", ": is empty; write at least `suite: name`"),
    "not UTF-8": ("suite: x\ndescription: é\n".encode("latin-1"), ":2: is not UTF-8 text; save it"),
    "UTF-16": ("suite: x\n".encode("utf-16"), ":1: is not UTF-8 text; save it as UTF-8"),
    "NUL": ("suite: x\nseed: \0\n", ":2: the character U+0000 is not allowed in YAML; remove it"),
    "escape out of range": (
        'suite: x\nseed: "\\UFFFFFFFF"\n',
        ":2: cannot be read as YAML: ",
    ),
    "deep": ("a: " + "[" * 100_000, ":1: more than 32 levels of nesting; nest less"),
    "many": ("a:\n" + "- 1\n" * 50_000, "more than 20000 values; a suite is a small file"),
    "large": ("a: " + "x" * 1_000_000, ": is larger than 1,000,000 bytes; is it a suite?"),
    "laughs": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghi")),
        ": more than 20000 values; aliases count where they are used",
    ),
    "chain of aliases": (
        "x0: &x0 [a]\n" + "".join(f"x{n}: &x{n} [*x{n - 1}]\n" for n in range(1, 2000)),
        "more than 32 levels of nesting; is an alias in a loop?",
    ),
    "alias in a loop": ("a: &a\n  b: *a\n", ":1: more than 32 levels of nesting; is an alias in"),
    "extends nothing": (
        "extends:\n",
        ":1: extends: expected the path of another suite file, found",
    ),
    "extends a list": ("extends: [a, b]\n", "the path of another suite file, found a list"),
    "extends what is not there": (
        "seed: 1\nextends: sub/none.yaml\n",
        ":2: extends: sub/none.yaml does not exist",
    ),
    "extends a folder": ("extends: .\n", ":1: extends: . is a folder; name a file in it, such as"),
    "extends itself": (
        "extends: ./x.yaml\n",
        ":1: extends: x.yaml extends itself, directly or through others; break the circle",
    ),
    "extends an impossible path": ('extends: "a\\0b"\n', ":1: extends: a\\0b does not exist"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_one_line(write, name):
    text, expected = UNREADABLE[name]
    write(x=text)
    (problem,) = problems("x.yaml")
    assert problem.startswith("x.yaml")
    assert expected in problem
    assert "\n" not in problem
    problem.encode()


def test_a_path_that_is_no_file(write, tmp_path):
    write(legi=SMALL)
    assert problems("lgei.yaml") == ["lgei.yaml: does not exist; did you mean 'legi.yaml'?"]
    assert problems(".") == [".: is a folder; name a file in it, such as legi.yaml"]
    assert problems("none/x.yaml") == ["none/x.yaml: does not exist"]
    assert problems("a\0b") == ["a\\0b: cannot be read (embedded null byte)"]
    assert problems(os.fsdecode(b"\xff.yaml")) == ["\\udcff.yaml: does not exist"]
    (name,) = problems("x" * 5000)
    assert "cannot be read (File name too long)" in name


def test_a_byte_order_mark_is_no_key(write):
    write(x=b"\xef\xbb\xbf" + SMALL.encode())
    assert load_suite("x.yaml").suite == "petit"


def test_scalars_are_those_of_yaml_1_2():
    """The core schema's examples (yaml.org/spec/1.2.2, section 10.3.2) and YAML 1.1's traps."""
    text = """
        A: [null, Null, ~, ]
        B: [true, True, false, FALSE, yes, no, on, off, y]
        C: [0, 0o7, 0x3A, -19, 012, 1_000, 1:30]
        D: [0., -0.0, .5, +12e03, -2E+05, 1e-3, 1., 1.5e3]
        E: [2026-01-02, "1", '1', 1.2.3, =, 0b1]
        """
    assert parse(text, "x").data == {
        "A": [None, None, None],
        "B": [True, True, False, False, "yes", "no", "on", "off", "y"],
        "C": [0, 7, 58, -19, 12, "1_000", "1:30"],
        "D": [0.0, 0.0, 0.5, 12000.0, -200000.0, 0.001, 1.0, 1500.0],
        "E": ["2026-01-02", "1", "1", "1.2.3", "=", "0b1"],
    }


CHILD = """\
extends: small.yaml
seed: 7
candidates:
  lora: {train: {r: 16}}
  few: false
  small:
metrics:
  rouge: false
  main: {use: meteor}
gates:
  keep: false
  hard: {score: meteor, floor: 0.2}
"""


def test_extends_merges_and_takes_out(write):
    write(small=SMALL, child=CHILD)
    suite = load_suite("child.yaml")
    assert suite.seed == 7
    assert list(suite.candidates) == ["base", "lora", "small"]
    assert suite.candidates["lora"].train.r == 16
    assert suite.candidates["lora"].train.learning_rate == 0.001
    # Another plugin: BLEU's max_order means nothing to METEOR.
    assert list(suite.metrics) == ["main"]
    assert (suite.metrics["main"].use, suite.metrics["main"].parameters) == ("meteor", {})
    assert list(suite.gates) == ["hard"]
    where = suite.origin.where
    assert where("candidates", "lora", "train", "r").startswith("child.yaml:4: ")
    assert where("candidates", "lora", "train", "learning_rate").startswith("small.yaml:7: ")
    assert where("metrics", "main", "max_order").startswith("child.yaml:9: ")


def test_extends_goes_on_and_is_relative_to_its_file(write, tmp_path):
    (tmp_path / "deep").mkdir()
    write(small=SMALL)
    (tmp_path / "deep" / "mid.yaml").write_text("extends: ../small.yaml\nlimit: 5\nseed: 1\n")
    write(top="extends: deep/mid.yaml\nseed: 2\nsplit: {train: no}\n")
    assert problems("top.yaml") == ["top.yaml:3: split.train: expected a number, found text 'no'"]
    suite = load_suite("top.yaml", ["split={train: 3}"])
    assert (suite.limit, suite.seed, suite.split.train) == (5, 2, 3)
    assert suite.origin.where("limit") == f"{os.path.join('deep', 'mid.yaml')}:2: limit"


def test_a_circle_of_files(write):
    write(a="extends: b.yaml\n", b="seed: 1\nextends: c.yaml\n", c="extends: b.yaml\n")
    assert problems("a.yaml") == [
        "c.yaml:1: extends: b.yaml extends itself, directly or through others; break the circle"
    ]


def test_a_parents_mistake_is_in_the_parents_file(write):
    write(small=SMALL + "sead: 1\n", child=CHILD + "lmiit: 3\n")
    assert sorted(problems("child.yaml")) == [
        "child.yaml:13: lmiit: unknown key; did you mean 'limit'?",
        "small.yaml:15: sead: unknown key; did you mean 'seed'?",
    ]


def test_taking_out_what_is_not_there(write):
    write(small=SMALL, child="extends: small.yaml\nmetrics: {ruoge: false}\n")
    assert problems("child.yaml") == [
        "child.yaml:2: metrics.ruoge: takes out 'ruoge', which is not there; did you mean 'rouge'?"
    ]
    write(root=SMALL.replace("  rouge:\n", "  rouge:\n  bleu: false\n"))  # nothing below it
    assert list(load_suite("root.yaml").metrics) == ["rouge", "main"]


def test_shorthands_can_be_added_to(write):
    write(
        small=SMALL.replace("main: {use: bleu, max_order: 2}", "main: bleu")
        .replace("    train:", "    template: chatml\n    train:")
        .replace("{use: hf, model: here}", "hf"),
        child="extends: small.yaml\nmetrics: {main: {max_order: 3}}\nbackend: {model: there}\n"
        "candidates: {lora: {template: {system: Bonjour}}, few: {few_shot: {max_chars: 9}}}\n",
    )
    suite = load_suite("child.yaml")
    assert (suite.metrics["main"].use, suite.metrics["main"].parameters) == (
        "bleu",
        {"max_order": 3},
    )
    assert (suite.backend.use, suite.backend.parameters) == ("hf", {"model": "there"})
    template = suite.candidates["lora"].template
    assert (template.style, template.system) == ("chatml", "Bonjour")
    few = suite.candidates["few"].few_shot
    assert (few.k, few.max_chars) == (2, 9)


def test_naming_the_same_plugin_again_keeps_its_parameters(write):
    write(
        small=SMALL.replace("  rouge:\n", "  rouge: {stem: true}\n"),
        child="extends: small.yaml\nmetrics: {rouge: {use: rouge, size: 1}, main: bleu}\n",
    )
    metrics = load_suite("child.yaml").metrics
    assert metrics["rouge"].parameters == {"stem": True, "size": 1}
    assert metrics["main"].parameters == {"max_order": 2}


@pytest.mark.parametrize(
    "text, left",
    [
        ("reports: {html: false}\n", ["json", "markdown", "junit", "console"]),
        ("reports: {json: , html: false}\n", ["json"]),
        ("reports: {}\n", []),
    ],
)
def test_reports_can_be_taken_out_of_the_defaults(write, text, left):
    write(x=SMALL + text)
    assert list(load_suite("x.yaml").reports) == left


def test_overrides(write):
    write(small=SMALL)
    suite = load_suite(
        "small.yaml",
        [
            "seed=7",
            "candidates.lora.train.r=4",
            "candidates.lora.generation.max_new_tokens=3",
            "candidates.new={few_shot: 1}",
            "split.train=10",
            "description= a: b #c ",
            "metrics.main.use=meteor",
            "metrics.main.alpha=1e-1",
            "metrics.rouge=false",
            "dataset.path=[a, 'b']",
            "reports.html=false",
            "gates.keep.floor=0.5",
            "gates.keep.max_drop=",
        ],
    )
    assert suite.seed == 7
    lora = suite.candidates["lora"]
    assert (lora.train.r, lora.train.learning_rate, lora.generation.max_new_tokens) == (4, 1e-3, 3)
    assert suite.candidates["new"].few_shot.k == 1
    assert suite.split.train == 10
    assert suite.description == "a: b #c"
    assert (suite.metrics["main"].use, suite.metrics["main"].parameters) == (
        "meteor",
        {"alpha": 0.1},
    )
    assert list(suite.metrics) == ["main"]
    assert suite.dataset.parameters == {"path": ["a", "b"]}
    assert list(suite.reports) == ["json", "markdown", "junit", "console"]
    assert (suite.gates["keep"].floor, suite.gates["keep"].max_drop) == (0.5, None)
    assert suite.origin.where("candidates", "lora", "train", "r") == (
        "override candidates.lora.train.r=4: candidates.lora.train.r"
    )


def test_an_override_leaves_the_lines_above_it_alone(write):
    write(x=SMALL)
    where = load_suite("x.yaml", ["candidates.lora.generation.temperature=1"]).origin.where
    assert where("candidates", "lora") == "x.yaml:6: candidates.lora"
    assert where("candidates", "lora", "generation") == "x.yaml:6: candidates.lora.generation"


def test_an_override_finds_names_with_dots(write):
    write(x=SMALL.replace("  lora:", "  qwen2.5-lora:"))
    suite = load_suite("x.yaml", ["candidates.qwen2.5-lora.train.r=2"])
    assert suite.candidates["qwen2.5-lora"].train.r == 2


@pytest.mark.parametrize(
    "text, expected",
    [
        ("seed", "override seed: has no `=`; write key.path=value"),
        ("=3", "override =3: is no key of a suite; write key.path=value"),
        ("split..train=1", "override split..train=1: is no key of a suite; write key.path=value"),
        ("a." * 99 + "b=1", "is no key of a suite; write key.path=value"),
        ("extends=x.yaml", "override extends=x.yaml: is no key of a suite; write key.path=value"),
        ("seed.x=1", "override seed.x=1: seed is 42, which has no keys"),
        (
            "dataset.codes.0=a",
            "override dataset.codes.0=a: dataset.codes is a list; give all of it: "
            "dataset.codes=[a, b]",
        ),
        (
            "candidates.lroa.train.r=1",
            "override candidates.lroa.train.r=1: candidates has no 'lroa'; did you mean 'lora'?",
        ),
        (
            "metrics.blue=false",
            "override metrics.blue=false: takes out 'blue', which is not there; known: rouge, main",
        ),
        ("sede=3", "override sede=3: sede: unknown key; did you mean 'seed'?"),
        ("seed=", "override seed=: seed: expected a whole number, found nothing"),
        ("seed=abc", "override seed=abc: seed: expected a whole number, found text 'abc'"),
        ("split={train: x}", "split.train: expected a number, found text 'x'"),
        ("limit=[1", "override limit=[1: cannot be read as YAML: expected ',' or ']'"),
        ("limit={a: 1, a: 2}", "override limit={a: 1, a: 2}: a: is already set before"),
        ("limit=.inf", "override limit=.inf: .inf is not a finite number"),
        ("description=\udce9", "the text holds a character that cannot be printed"),
        ("\udce9=1", "override \\udce9=1: is no key of a suite; write key.path=value"),
        ("metrics.rouge=3", "metrics.rouge: expected a mapping (`key: value` lines), found 3"),
    ],
)
def test_a_wrong_override(write, text, expected):
    write(x=SMALL.replace("path:", "codes: [a], path:") + "seed: 42\n")
    found = problems("x.yaml", text)
    assert any(expected in problem for problem in found), found
    assert all(problem.startswith("override ") and problem.encode() for problem in found)


def test_problems_of_files_and_overrides_come_together(write):
    write(x=SMALL + "sead: 1\n")
    assert len(problems("x.yaml", "seed", "limit=0", "candidates.x.y=1")) == 4


def test_a_suite_comes_beside_problems_that_leave_it_whole(write):
    """So that `bench check` can go on to the plugins."""
    write(x=SMALL.replace("baseline: base", "baseline: none") + "seed: 1\nseed: 2\n")
    suite, found = validate(read("x.yaml"))
    assert suite.baseline == "none"
    assert len(found) == 2
    assert validate(read("x.yaml", ["limit=0"]))[0] is None


def test_a_section_that_is_no_mapping_in_a_parent(write):
    write(small=SMALL, mid="extends: small.yaml\nmetrics: 3\n", top="extends: mid.yaml\nseed: 1\n")
    assert problems("top.yaml") == [
        "mid.yaml:2: metrics: expected a mapping (`key: value` lines), found 3"
    ]
    write(top="extends: mid.yaml\nmetrics: {rouge: }\n")
    assert list(load_suite("top.yaml").metrics) == ["rouge"]


@pytest.mark.parametrize("text", [SMALL, SMALL.replace("{r: 8", "{target_modules: [q, k], r: 8")])
def test_a_resolved_suite_loads_back(write, text):
    write(x=text)
    suite = load_suite("x.yaml")
    write(again=to_yaml(suite))
    again = load_suite("again.yaml")
    assert again.model_dump() == suite.model_dump()
    assert again.candidates["few"].generation.model_fields_set == {"max_new_tokens"}
    assert "accumulation: 1\n" in to_yaml(suite)  # a default that nobody wrote


def test_loading_pulls_in_nothing_heavy():
    code = (
        "import sys, benchmark.suite_file\n"
        "print(sorted({'numpy', 'torch', 'rich', 'transformers'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
) | st.sampled_from(["1e-3", "yes", "no", "null", "~", "0o17", "1:30", "", " a", "=", "<<", ".5"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT.filter(lambda key: key != "<<"), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4).filter(lambda data: "<<" not in data))
def test_what_is_dumped_is_read_back(data):
    parsed = parse(dump(data), "x")
    assert parsed.data == data
    assert not parsed.problems
    # And any YAML reader sees the same keys and texts: nothing relies on our own reader.
    assert yaml.compose(dump(data), yaml.SafeLoader) is not None


NAMES = st.sampled_from(["a", "b", "qwen2.5", "use", "parameters", "true", "12"])
PARAMETERS = st.dictionaries(NAMES | st.just("seed"), VALUES, max_size=3)
USES = st.builds(
    lambda use, rest: {"use": use, "parameters": rest}, st.sampled_from("xy"), PARAMETERS
)


@settings(max_examples=80, deadline=None)
@given(
    metrics=st.dictionaries(NAMES, USES, min_size=1, max_size=3),
    candidates=st.dictionaries(
        NAMES,
        st.fixed_dictionaries(
            {},
            optional={
                "backend": USES,
                "few_shot": st.integers(1, 5),
                "description": TEXT,
                "generation": st.fixed_dictionaries(
                    {},
                    optional={"temperature": st.floats(0, 2), "stop": st.lists(TEXT, max_size=2)},
                ),
            },
        ),
        min_size=1,
    ),
    split=st.fixed_dictionaries({}, optional={"train": st.integers(5, 9) | st.floats(0, 0.9)}),
    dataset=USES,
)
def test_any_suite_loads_back(tmp_path_factory, metrics, candidates, split, dataset):
    suite = Suite.model_validate(
        {
            "suite": "x",
            "dataset": dataset,
            "backend": "hf",
            "candidates": candidates,
            "baseline": next(iter(candidates)),
            "metrics": metrics,
            "split": split,
        }
    )
    path = tmp_path_factory.mktemp("suite") / "x.yaml"
    path.write_text(to_yaml(suite), encoding="utf-8", newline="")
    assert load_suite(path).model_dump() == suite.model_dump()


KEYS = st.sampled_from("abcd")
TREES = st.recursive(
    st.integers() | st.none() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
FILES = st.dictionaries(KEYS, TREES, min_size=1, max_size=4)


def merged(old, new):
    """The rule, written the other way round: what each leaf of the result has to be."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    keys = [*old, *(key for key in new if key not in old)]
    return {
        key: merged(old[key], new[key]) if key in old and key in new else {**old, **new}[key]
        for key in keys
    }


@settings(max_examples=150, deadline=None)
@given(st.lists(FILES, min_size=1, max_size=4))
def test_any_chain_of_files_merges_by_the_rule(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("chain")
    expected = {}
    for at, data in enumerate(files):
        parent = {"extends": f"{at - 1}.yaml"} if at else {}
        (folder / f"{at}.yaml").write_text(dump({**parent, **data}))
        expected = merged(expected, data)
    document = read(folder / f"{len(files) - 1}.yaml")
    assert document.data == expected
    assert not document.problems
    # Every key has a line, no key that was replaced has one, and it is the line in its file.
    assert set(document.origin.lines) == set(_paths(expected))
    for path, (file, line) in document.origin.lines.items():
        text = Path(file).read_text(encoding="utf-8").splitlines()[line - 1]
        assert f"{path[-1]}:" in text or text.lstrip().startswith("-")


def _paths(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for name, item in items:
        yield from _paths(item, (*path, str(name)))


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=60)
    | st.binary(max_size=60)
    | st.text("{}[]&*!:-\n \t'\"ab#|>?,%@", max_size=30)
)
def test_no_bytes_make_it_crash(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "x.yaml"
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
    try:
        load_suite(path)
    except ConfigError as error:
        str(error).encode()
        assert all("\n" not in str(problem) for problem in error.problems)


def test_a_key_of_wrong_shape_hides_no_mistake_elsewhere(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(
        "suite: s\ndataset: {use: jsonl, path: rows.jsonl}\nbackend: echo\n"
        "candidates:\n  base:\n  lora: {train: {r: many, trian: 1}}\n"
        "baseline: bse\nmetrics:\n  rouge:\nprimary: rougeLL\nreports: {htlm: null}\n"
    )
    (tmp_path / "rows.jsonl").write_text("{}\n")
    from benchmark.core.plan import check

    suite, problems = check(read(file))
    assert suite is None
    # Each mistake once, whatever kind it is of: type, unknown key, unknown name, unknown plugin.
    words = " | ".join(problem.what for problem in problems)
    for part in ("a whole number", "unknown key", "'bse'", "unknown reporter 'htlm'", "'rougeLL'"):
        assert words.count(part) == 1, (part, words)
    assert all(problem.where.startswith(f"{file}:") for problem in problems)
