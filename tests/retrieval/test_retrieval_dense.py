"""Search by an encoder's vectors, on a tiny random BERT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_encoder

from benchmark import encoders
from benchmark.core.store import Cache
from benchmark.progress import Silent
from benchmark.retrieval.dense import Dense, encode, is_cached

TEXTS = [
    "Le lecteur rend le livre.",
    "La bibliothèque ferme le lundi, et chaque lecteur le sait depuis longtemps.",
    "Une amende suit le retard.",
    "",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder.build(tmp_path_factory.mktemp("encoder") / "bert", TEXTS)


def test_vectors_are_means_over_tokens_of_unit_length(folder: Path) -> None:
    import torch

    encoder = encoders.load(folder, "retrieval")
    vectors = encode(TEXTS, encoder, lambda *_, **__: None)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    # Each text alone, without padding: the plain mean of transformers' own last layer.
    for text, vector in zip(TEXTS, vectors, strict=True):
        with torch.inference_mode():
            states = encoder.model(**encoder.tokenizer(text, return_tensors="pt"))
        mean = states.last_hidden_state[0].mean(0).numpy()
        assert vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_a_text_is_nearest_to_itself_and_is_encoded_once(folder: Path, monkeypatch) -> None:
    assert not is_cached(TEXTS, str(folder), Silent())
    found = list(Dense(TEXTS, str(folder), Silent()).scores(TEXTS[:3]))
    assert [int(np.argmax(scores)) for scores in found] == [0, 1, 2]
    assert is_cached(TEXTS, str(folder), Silent())

    def never(*_, **__):
        raise AssertionError("encoded again")

    monkeypatch.setattr("benchmark.retrieval.dense.encode", never)
    again = list(Dense(TEXTS, str(folder), Silent()).scores(TEXTS[:3]))
    assert np.array_equal(found, again)
    with pytest.raises(AssertionError, match="encoded again"):  # other texts, other vectors
        Dense([*TEXTS, "Un autre."], str(folder), Silent())


def test_a_damaged_file_is_made_anew(folder: Path) -> None:
    first = list(Dense(TEXTS, str(folder), Silent()).scores(TEXTS[:1]))
    for file in (Cache().root / "vectors").glob("*.npy"):
        file.write_bytes(file.read_bytes()[:-10])
    assert np.array_equal(first, list(Dense(TEXTS, str(folder), Silent()).scores(TEXTS[:1])))
