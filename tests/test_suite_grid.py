"""Sweeps: what each way of writing one becomes, where mistakes are told, random grids."""

from __future__ import annotations

import re
from itertools import product
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.plan import check, make_plan
from benchmark.errors import ConfigError
from benchmark.suite_file import load_suite, read, to_yaml
from benchmark.yaml_lines import dump

SUITE = """\
suite: s
dataset: {use: jsonl, path: rows.jsonl}
backend: {use: hf, model: .}
candidates:
  base:
  lora:
    train: {r: [8, 16], learning_rate: [1e-4, 5e-4], epochs: 2}
  last: {train: {r: 4}}
baseline: base
metrics: {rouge: }
gates:
  keep: {score: rougeL, max_drop: 0.05, candidates: [last, lora]}
"""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')

    def writer(text, name="x.yaml"):
        (tmp_path / name).write_text(text)
        return name

    return writer


def problems(path, *overrides, allowed=None):
    with pytest.raises(ConfigError) as error:
        make_plan(load_suite(path, overrides, max_candidates=allowed))
    return [str(problem) for problem in error.value.problems]


def test_a_grid_takes_the_place_of_its_candidate(write):
    suite = load_suite(write(SUITE))
    members = ["lora-r8-lr0.0001", "lora-r8-lr0.0005", "lora-r16-lr0.0001", "lora-r16-lr0.0005"]
    assert list(suite.candidates) == ["base", *members, "last"]
    trained = [suite.candidates[name].train for name in members]
    assert [(spec.r, spec.learning_rate, spec.epochs) for spec in trained] == [
        (8, 1e-4, 2),
        (8, 5e-4, 2),
        (16, 1e-4, 2),
        (16, 5e-4, 2),
    ]
    assert suite.gates["keep"].candidates == ("last", *members)
    # A run folder keeps what was expanded: it has to load back to the same suite.
    again = load_suite(write(to_yaml(suite), "again.yaml"))
    assert again == suite and to_yaml(again) == to_yaml(suite)


@pytest.mark.parametrize(
    ("train", "names"),
    [
        ("{method: [lora, dora, ia3]}", ["x-lora", "x-dora", "x-ia3"]),
        ("{r: [8]}", ["x-r8"]),
        ("{alpha: [8.0, 1e-5, 1e20]}", ["x-alpha8", "x-alpha1e-05", "x-alpha1e20"]),
        ("{compile: [true, false, auto]}", ["x-compile-true", "x-compile-false", "x-compile-auto"]),
        ("{learning_rate: [null, 1e-3]}", ["x-lr-none", "x-lr0.001"]),
        ("{micro_batch: [auto, 2]}", ["x-micro_batch-auto", "x-micro_batch2"]),
        # Lists by nature: themselves, unless they hold lists.
        ("{target_modules: [q_proj, v_proj]}", ["x"]),
        (
            "{target_modules: [all-linear, [q_proj, v_proj]]}",
            ["x-targets-all-linear", "x-targets-q_proj.v_proj"],
        ),
        ("{target_modules: {grid: [[q], [k]]}}", ["x-targets-q", "x-targets-k"]),
        ("{report_to: [tensorboard]}", ["x"]),
        # PEFT's own parameters.
        ("{peft: {layers: [1, 2], rank: {alpha: [3]}}}", ["x"]),
        ("{peft: {layers: {grid: [[1, 2], [3]]}}}", ["x-layers-1.2", "x-layers-3"]),
        ("{peft: {beta1: {grid: [2, 3]}}}", ["x-beta1-2", "x-beta1-3"]),
        ("{peft: {a: {r: {grid: [1]}}}, r: [2]}", ["x-peft.a.r1-r2"]),
        ("{parallel: {processes: [1], strategy: [ddp, zero3]}}",
         ["x-processes1-ddp", "x-processes1-zero3"]),
        ("{r: {grid: [1, 2]}}", ["x-r1", "x-r2"]),
    ],
)  # fmt: skip
def test_names(write, train, names):
    text = SUITE.replace("last: {train: {r: 4}}", f"x: {{train: {train}}}").replace("last", "x")
    suite = load_suite(write(text))
    assert [name for name in suite.candidates if name[0] == "x"] == names
    assert load_suite(write(to_yaml(suite))) == suite


def test_what_is_handed_to_peft_stays_as_it_is(write):
    text = SUITE.replace("{r: 4}", "{peft: {layers: [1, [2]], deep: {grid: [[3], [4, 5]]}}}")
    suite = load_suite(write(text))
    given = [suite.candidates[f"last-deep-{end}"].train.peft for end in ("3", "4.5")]
    assert given == [{"layers": [1, [2]], "deep": [3]}, {"layers": [1, [2]], "deep": [4, 5]}]


def test_a_long_name_keeps_its_beginning_and_stays_unambiguous(write):
    modules = "[" + ", ".join(f"a_long_module_name_{n}" for n in range(4)) + "]"
    other = modules.replace("name_3", "name_4")
    suite = load_suite(write(SUITE.replace("{r: 4}", f"{{target_modules: [{modules}, {other}]}}")))
    names = [name for name in suite.candidates if name.startswith("last-targets-a_long_")]
    assert len(names) == len(set(names)) == 2
    assert all(NAME.fullmatch(name) and len(name) == 64 for name in names)


def test_extends_and_overrides_lay_on_what_is_swept(write):
    write(SUITE)
    child = write("extends: x.yaml\ncandidates: {lora: {train: {r: 4}}}\n", "child.yaml")
    assert list(load_suite(child).candidates)[1:3] == ["lora-lr0.0001", "lora-lr0.0005"]
    suite = load_suite(
        child, ["candidates.lora.train.learning_rate=", "candidates.last.train.r=[2, 3]"]
    )
    assert list(suite.candidates) == ["base", "lora", "last-r2", "last-r3"]
    assert suite.gates["keep"].candidates == ("last-r2", "last-r3", "lora")
    taken_out = load_suite(child, ["candidates.lora=false", "gates.keep=false"])
    assert list(taken_out.candidates) == ["base", "last"]


BROKEN = {
    "a wrong value among good ones": (
        ("[8, 16]", "[8, -1]"),
        ["x.yaml:7: candidates.lora.train.r.1: must be at least 1, found -1"],
    ),
    "a value of the wrong type": (
        ("[8, 16]", "[8, '16', 1.5]"),
        [
            "x.yaml:7: candidates.lora.train.r.1: expected a whole number, found text '16'",
            "x.yaml:7: candidates.lora.train.r.2: expected a whole number, found 1.5",
        ],
    ),
    "a mistake beside the sweep is told once": (
        ("epochs: 2", "epochs: none, method: lora, alhpa: [1, 2]"),
        [
            "x.yaml:7: candidates.lora.train.epochs: expected a number, found text 'none'",
            "x.yaml:7: candidates.lora.train.alhpa: unknown key; did you mean 'alpha'?",
        ],
    ),
    "an empty sweep": (
        ("[8, 16]", "[]"),
        ["x.yaml:7: candidates.lora.train.r: the sweep is empty; give at least one value"],
    ),
    "a value twice": (
        ("[8, 16]", "[8, 16, 8]"),
        ["x.yaml:7: candidates.lora.train.r.2: the sweep has 8 twice; keep one of them"],
    ),
    "a grid that is no list": (
        ("[8, 16]", "{grid: 8}"),
        [
            "x.yaml:7: candidates.lora.train.r.grid: expected a list of values, found 8; "
            "write {grid: [a, b]}"
        ],
    ),
    "a grid with more keys": (
        ("[8, 16]", "{grid: [8], step: 2}"),
        ["x.yaml:7: candidates.lora.train.r: has other keys beside `grid`: step"],
    ),
    "a grid in a grid": (
        ("[8, 16]", "[8, {grid: [1, 2]}]"),
        [
            "x.yaml:7: candidates.lora.train.r.1: a `grid` stands inside a list; "
            "sweep the whole list"
        ],
    ),
    "a grid in a list of PEFT's": (
        ("[8, 16]", "8, peft: {layers_to_transform: [1, {grid: [2]}]}"),
        [
            "x.yaml:7: candidates.lora.train.peft.layers_to_transform: a `grid` stands inside a "
            "list; sweep the whole list"
        ],
    ),
    "a name that is taken": (
        ("last: {train: {r: 4}}", "lora-r8-lr0.0001: {train: {r: 4}}\n  last: {train: {r: 4}}"),
        [
            "x.yaml:8: candidates.lora-r8-lr0.0001: two candidates would be called "
            "'lora-r8-lr0.0001'; rename one, or write values that differ in letters and digits"
        ],
    ),
    "values that give one name": (
        ("[8, 16]", "8, target_modules: [[a b], [a_b]]"),
        [
            f"x.yaml:6: candidates.lora: two candidates would be called 'lora-targets-a_b-{lr}'; "
            "rename one, or write values that differ in letters and digits"
            for lr in ("lr0.0001", "lr0.0005")
        ],
    ),
    "a baseline that is a sweep": (
        ("baseline: base", "baseline: lora"),
        [
            "x.yaml:9: baseline: 'lora' is a sweep, and the baseline is one candidate; "
            "name one of: lora-r8-lr0.0001, lora-r8-lr0.0005, lora-r16-lr0.0001, lora-r16-lr0.0005"
        ],
    ),
    "a gate for nobody after a sweep": (
        ("candidates: [last, lora]", "candidates: [lora, lsat]"),
        [
            "x.yaml:12: gates.keep.candidates.1: no candidate is called 'lsat'; "
            "did you mean 'last'?"
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_told_where_it_is_written(write, name):
    (old, new), expected = BROKEN[name]
    assert old in SUITE
    path = write(SUITE.replace(old, new))
    assert problems(path) == expected
    # `bench check` looks further after a mistake, and finds no other.
    assert [str(item) for item in dict.fromkeys(check(read(path))[1])] == expected


def test_an_override_is_named_as_it_was_typed(write):
    text = "candidates.lora.train.r=[8,-1]"
    said = problems(write(SUITE), text)
    assert said == [
        f"override {text}: candidates.lora.train.r.1: must be at least 1, found -1"
    ]  # fmt: skip


def test_what_no_member_can_do_is_told_once(write):
    overrides = ["candidates.lora.backend=echo", "candidates.last=false", "gates.keep=false"]
    assert problems(write(SUITE), *overrides) == [
        "x.yaml:6: candidates.lora: a control takes no adapter; remove `train`/`adapter`",
        "x.yaml:6: candidates.lora: this backend cannot be trained; use backend hf to train",
    ]


def test_too_many_candidates(write):
    path = write(SUITE)
    assert len(load_suite(path, max_candidates=6).candidates) == 6
    assert problems(path, allowed=5) == [
        "x.yaml:4: candidates: sweeps make 6 candidates (lora: 2 × 2), and 5 are allowed; "
        "give fewer values, or allow it with --max-candidates 6"
    ]
    # However many they would be, they are counted, not made.
    many = "[" + ", ".join(map(str, range(1, 2001))) + "]"
    wide = [f"candidates.lora.train.{name}={many}" for name in ("r", "epochs", "batch_size")]
    assert problems(path, *wide) == [
        "x.yaml:4: candidates: sweeps make 16000000002 candidates "
        "(lora: 2000 × 2 × 2000 × 2000), and 400 are allowed; give fewer values"
    ]
    # And the most that can be made can be read back from a run folder.
    most = load_suite(path, [f"candidates.last.train.r=[{', '.join(map(str, range(1, 396)))}]"])
    assert len(most.candidates) == 400
    assert load_suite(write(to_yaml(most), "most.yaml")) == most
    # What is written out by hand is meant: the guard is for sweeps.
    alone = write(SUITE.replace("[8, 16]", "8").replace("[1e-4, 5e-4]", "1e-4"))
    assert len(load_suite(alone, max_candidates=2).candidates) == 3


VALUES = {
    "r": st.integers(1, 10**6),
    "alpha": st.floats(1e-9, 1e9),
    "learning_rate": st.floats(1e-12, 1) | st.none(),
    "method": st.sampled_from(["lora", "dora", "ia3", "prefix", "vera"]),
    "gradient_checkpointing": st.sampled_from([True, False, "auto"]),
    "target_modules": st.just("all-linear") | st.lists(st.sampled_from("qkvo"), min_size=1,
                                                       unique=True),
    "seed": st.integers(0, 2**40),
}  # fmt: skip


def _grids():
    lists = {
        name: st.lists(values, min_size=1, max_size=3, unique_by=repr)
        for name, values in VALUES.items()
    }
    names = st.lists(st.sampled_from(sorted(lists)), min_size=1, max_size=3, unique=True)
    return names.flatmap(
        lambda chosen: st.fixed_dictionaries({name: lists[name] for name in chosen})
    )


@settings(max_examples=60)
@given(grid=_grids(), spelled=st.booleans())
def test_a_grid_is_the_suite_that_a_person_would_write(tmp_path_factory, grid, spelled):
    # A list of texts below `target_modules` would be one value.
    grid = {
        name: {"grid": values} if spelled or name == "target_modules" else values
        for name, values in grid.items()
    }
    folder = tmp_path_factory.mktemp("grid")
    content = {
        "suite": "s",
        "dataset": "jsonl",
        "backend": "hf",
        "candidates": {"base": None, "a": {"train": {"epochs": 3, **grid}}},
        "baseline": "base",
        "metrics": {"rouge": None},
        "gates": {"g": {"score": "rougeL", "floor": 0, "candidates": ["a", "base"]}},
    }
    (folder / "grid.yaml").write_text(dump(content))
    suite = load_suite(folder / "grid.yaml")

    plain = {name: v["grid"] if isinstance(v, dict) else v for name, v in grid.items()}
    members = [name for name in suite.candidates if name != "base"]
    assert len(members) == prod(map(len, plain.values()))
    assert all(NAME.fullmatch(name) for name in members)

    by_hand = [dict(zip(plain, values, strict=True)) for values in product(*plain.values())]
    content["candidates"] = {"base": None} | {
        name: {"train": {"epochs": 3, **values}}
        for name, values in zip(members, by_hand, strict=True)
    }
    content["gates"]["g"]["candidates"] = [*members, "base"]
    (folder / "hand.yaml").write_text(dump(content))
    assert load_suite(folder / "hand.yaml") == suite
    (folder / "again.yaml").write_text(to_yaml(suite))
    assert load_suite(folder / "again.yaml") == suite
