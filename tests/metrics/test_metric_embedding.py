from pathlib import Path

import numpy as np
import pytest
import torch
from metric_helpers import ANSWERS, REFERENCES, build_encoder, example, examples
from scipy.spatial import distance
from transformers import AutoModel, AutoTokenizer

from benchmark import encoders
from benchmark.errors import ConfigError
from benchmark.metrics.embedding import Embedding


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_encoder(tmp_path_factory.mktemp("encoder") / "bert")


@pytest.fixture
def metric(folder: Path) -> Embedding:
    return Embedding(model=str(folder))


def theirs(folder: Path, text: str) -> np.ndarray:
    """Return a text's vector by transformers alone, as the model cards of sentence encoders do."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    batch = tokenizer([text, REFERENCES[0]], padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch)[0]
    mask = batch["attention_mask"].unsqueeze(-1).expand(states.size()).float()
    mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
    return torch.nn.functional.normalize(mean, p=2, dim=1)[0].numpy()


def test_equals_scipy_on_vectors_of_transformers(metric: Embedding, folder: Path) -> None:
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    for row, answer, reference in zip(stats, ANSWERS, REFERENCES, strict=True):
        one, two = theirs(folder, answer), theirs(folder, reference)
        assert row[0] == pytest.approx(1 - distance.cosine(one, two), abs=1e-6)
        assert row[1] == pytest.approx(1 / (1 + distance.euclidean(one, two)), abs=1e-5)
        assert row[2:].tolist() == [0, 1]


def test_equal_texts_and_the_best_reference(metric: Embedding) -> None:
    (row,) = metric.stats([example(*REFERENCES)], [REFERENCES[2]])
    assert row[:2] == pytest.approx([1, 1], abs=1e-5)


@pytest.mark.parametrize("text", ["", " \n", "\x00", "\ud800"])
def test_a_text_without_tokens_scores_0(metric: Embedding, text: str) -> None:
    assert metric.stats([example(REFERENCES[0])], [text]).tolist() == [[0, 0, 0, 1]]
    assert metric.stats([example(text)], [ANSWERS[0]]).tolist() == [[0, 0, 0, 1]]


def test_each_text_is_encoded_once_and_long_ones_are_counted(
    metric: Embedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    states = encoders._states
    monkeypatch.setattr(
        encoders, "_states", lambda one, rows: passes.append(len(rows)) or states(one, rows)
    )
    rows = [example(REFERENCES[0]), example(REFERENCES[0])]
    stats = metric.stats(rows, [" ".join(ANSWERS * 4), ANSWERS[0]])
    assert sum(passes) == 3
    assert metric.cut(stats.sum(axis=0)) == 1
    assert metric.stats(rows, [" ".join(ANSWERS * 4), ANSWERS[0]]).tolist() == stats.tolist()
    assert sum(passes) == 3


def test_more_tokens_than_the_encoder_reads_are_refused(metric: Embedding) -> None:
    with pytest.raises(ConfigError, match="embedding: max_length 65"):
        metric.model_copy(update={"max_length": 65}).stats(examples(REFERENCES), list(ANSWERS))


def test_without_references_no_encoder_is_needed() -> None:
    assert Embedding(model="no/such/encoder").stats([example()], ["x"]).tolist() == [[0] * 4]
