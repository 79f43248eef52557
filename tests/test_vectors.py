"""Vectors that are kept by content: damaged, shared, bounded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_encoder
import torch

from benchmark import encoders, vectors
from benchmark.errors import ConfigError, StoreError
from benchmark.files import cache_root
from benchmark.vectors import Vectors, prune

TEXTS = [
    "Le lecteur rend le livre.",
    "La bibliothèque ferme le lundi, et chaque lecteur le sait depuis longtemps.",
    "Une amende suit le retard.",
    "",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_encoder.build(tmp_path_factory.mktemp("encoder") / "bert", TEXTS))


def files() -> list[Path]:
    return sorted((cache_root() / "vectors").glob("*/*/*.safetensors"))


def test_vectors_are_those_of_the_text_alone(model: str) -> None:
    found = Vectors(model, "test")
    found.ready(TEXTS)
    assert found.made == len(TEXTS) == len(files())
    encoder = encoders.load(Path(model), "test")
    for text in TEXTS:
        kept = found.of(text)
        one = encoder.tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            expected = encoder.model(**one).last_hidden_state[0]
        torch.testing.assert_close(kept.vectors, expected.clone(), atol=1e-6, rtol=0)
        assert kept.ids.tolist() == one["input_ids"][0].tolist()
    assert found.made == len(TEXTS)


def test_one_vector_a_text_where_they_are_pooled(model: str) -> None:
    whole, pooled = Vectors(model, "test"), Vectors(model, "test", pool=encoders.mean)
    for text in TEXTS:
        expected = whole.of(text).vectors.mean(0)
        found = pooled.of(text).vectors
        torch.testing.assert_close(found, expected[None] / expected.norm(), atol=1e-6, rtol=0)
    assert len(files()) == 2 * len(TEXTS)  # neither takes the other's


def test_what_a_reader_does_to_vectors_stays_with_it(model: str) -> None:
    found = Vectors(model, "test")
    before = found.of(TEXTS[0]).vectors.clone()
    found.of(TEXTS[0]).vectors.zero_()
    assert torch.equal(found.of(TEXTS[0]).vectors, before)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-10],
        lambda content: content[:200],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"\xff" * 300,
    ],
    ids=["empty", "short", "header", "one bit", "noise"],
)
def test_damaged_files_are_made_anew(model: str, damage) -> None:
    found = Vectors(model, "test")
    found.ready(TEXTS)
    before = [found.of(text).vectors.clone() for text in TEXTS]
    contents = {path: path.read_bytes() for path in files()}
    for path, content in contents.items():
        path.write_bytes(damage(content))
    again = Vectors(model, "test")
    for text, expected in zip(TEXTS, before, strict=True):
        torch.testing.assert_close(again.of(text).vectors, expected, atol=1e-6, rtol=0)
    assert again.made == len(TEXTS)
    assert [path.stat().st_size for path in files()] == [len(text) for text in contents.values()]


def test_nothing_half_written_is_left(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vectors.os, "replace", full)
    with pytest.raises(StoreError, match="No space left"):
        Vectors(model, "test").ready(TEXTS)
    assert [path for path in (cache_root() / "vectors").rglob("*") if path.is_file()] == [
        path for path in (cache_root() / "vectors").glob("*.lock")
    ]


def test_the_oldest_go_when_the_bound_is_passed(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Vectors(model, "test")
    found.ready(TEXTS)
    for age, path in enumerate(files()):
        os.utime(path, (1000 - age, 1000 - age))
    found.of(TEXTS[0])  # the youngest now
    sizes = {path: path.stat().st_size for path in files()}
    youngest = max(files(), key=lambda path: path.stat().st_mtime)
    removed = prune(sizes[youngest] / 1e9)
    assert files() == [youngest]
    assert removed == sum(sizes.values()) - sizes[youngest]
    again = Vectors(model, "test")
    for text in TEXTS:
        again.of(text)
    assert again.made == len(TEXTS) - 1
    # The bound is also kept by whoever makes vectors.
    monkeypatch.setenv("BENCH_VECTORS_GB", "0")
    Vectors(model, "test").ready(["Un autre texte."])
    assert files() == []


@pytest.mark.parametrize("said", ["many", "-1", "nan"])
def test_a_bound_that_is_no_number(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_VECTORS_GB", said)
    with pytest.raises(ConfigError, match=f"BENCH_VECTORS_GB={said} is no number"):
        prune()


PROGRAM = """
import sys
from benchmark.vectors import Vectors
found = Vectors(sys.argv[1], "test")
found.ready([f"Le livre {n} du lecteur {n * n}." for n in range(600)])
print(found.made)
"""


def test_of_two_processes_each_text_is_encoded_by_one(model: str) -> None:
    command = [sys.executable, "-c", PROGRAM, model]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=environment, cwd=Path(__file__).parents[1])
        for _ in range(2)
    ]  # fmt: skip
    outputs = [one.communicate() for one in running]
    assert [one.returncode for one in running] == [0, 0], outputs
    assert sum(int(out) for out, _ in outputs) == 600 == len(files())
