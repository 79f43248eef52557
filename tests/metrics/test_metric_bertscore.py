import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from metric_helpers import ANSWERS, REFERENCES, build_encoder, example, examples

from benchmark.errors import ConfigError, FetchError
from benchmark.metrics.bertscore import BertScore

LAYER = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # "t5" in a path makes bert-score's own loader expect a T5 model; ours must not care.
    return build_encoder(tmp_path_factory.mktemp("encoder") / "not-t5")


@pytest.fixture
def metric(folder: Path, monkeypatch: pytest.MonkeyPatch) -> BertScore:
    monkeypatch.setattr("benchmark.models.local_model_dir", lambda reference, progress=None: folder)
    return BertScore(layer=LAYER, batch_size=4, max_length=64)


def theirs(folder: Path, texts: list[str], references: list[list[str]]) -> np.ndarray:
    """Return bert-score's own numbers, from a copy whose path it reads rightly."""
    import bert_score

    plain = folder.parent / "plain"
    shutil.copytree(folder, plain, dirs_exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = bert_score.score(texts, references, model_type=str(plain), num_layers=LAYER)
    return np.stack([column.numpy() for column in scores], axis=1)


def test_equals_bert_score(metric: BertScore, folder: Path) -> None:
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    expected = theirs(folder, list(ANSWERS), [[text] for text in REFERENCES])
    assert 0 < expected.min() < expected.max() < 1
    np.testing.assert_allclose(stats[:, :3], expected, atol=1e-6)
    assert stats[:, 3].tolist() == [1, 1, 1, 1]


def test_best_of_several_references_as_bert_score_takes_it(metric: BertScore, folder: Path) -> None:
    references = [list(REFERENCES), [REFERENCES[0]], [*REFERENCES[2:]], [REFERENCES[1]] * 2]
    stats = metric.stats([example(*row) for row in references], list(ANSWERS))
    expected = theirs(folder, list(ANSWERS), references)
    np.testing.assert_allclose(stats[:, :3], expected, atol=1e-6)


def test_long_texts_are_read_up_to_max_length_as_bert_score_does(
    metric: BertScore, folder: Path
) -> None:
    long = " ".join(ANSWERS * 5)
    stats = metric.stats(examples(REFERENCES[:1]), [long])
    np.testing.assert_allclose(stats[:, :3], theirs(folder, [long], [[REFERENCES[0]]]), atol=1e-6)
    longer = metric.stats(examples(REFERENCES[:1]), [long + " autre chose"])
    assert longer.tolist() == stats.tolist()


def test_shorter_max_length_changes_numbers_and_key(metric: BertScore) -> None:
    short = metric.model_copy(update={"max_length": 8})
    whole = metric.stats(examples(REFERENCES), list(ANSWERS))
    assert not np.allclose(short.stats(examples(REFERENCES), list(ANSWERS)), whole)
    assert short.key != metric.key
    assert "max_length:8" in short.signature


def test_a_tokenizer_without_maximum_length(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: BertScore
) -> None:
    import json

    expected = metric.stats(examples(REFERENCES), list(ANSWERS))
    other = shutil.copytree(folder, tmp_path / "other")
    settings = json.loads((other / "tokenizer_config.json").read_text())
    del settings["model_max_length"]
    (other / "tokenizer_config.json").write_text(json.dumps(settings))
    monkeypatch.setattr("benchmark.models.local_model_dir", lambda reference, progress=None: other)
    assert metric.stats(examples(REFERENCES), list(ANSWERS)).tolist() == expected.tolist()


@pytest.mark.parametrize("text", ["", "  \n", "\x00", "\ud800", "\u200f"])
def test_an_answer_without_tokens_scores_0(
    metric: BertScore, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stats = metric.stats(examples(REFERENCES[:2]), [text, ANSWERS[1]])
    assert stats[0].tolist() == [0, 0, 0, 1]
    assert stats[1, 2] > 0
    assert metric.stats([example(text)], [ANSWERS[0]]).tolist() == [[0, 0, 0, 1]]
    assert metric.stats([example(text, REFERENCES[1])], [ANSWERS[1]]).tolist() == [
        pytest.approx(stats[1].tolist(), abs=1e-6)
    ]
    assert capsys.readouterr().err == ""


def test_order_and_batch_size_do_not_matter(metric: BertScore) -> None:
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    turned = metric.stats(examples(REFERENCES[::-1]), list(ANSWERS[::-1]))
    np.testing.assert_allclose(turned[::-1], stats, atol=1e-6)
    wide = metric.model_copy(update={"batch_size": 64})
    np.testing.assert_allclose(wide.stats(examples(REFERENCES), list(ANSWERS)), stats, atol=1e-6)


def test_the_reference_itself_scores_1(metric: BertScore) -> None:
    stats = metric.stats(examples(REFERENCES), list(REFERENCES))
    np.testing.assert_allclose(stats, 1, atol=1e-5)


def test_no_examples_and_no_references(metric: BertScore) -> None:
    assert metric.stats([], []).shape == (0, 4)
    assert metric.stats([example()], ["x"]).tolist() == [[0, 0, 0, 0]]


def test_loading_says_nothing_and_leaves_loggers_as_they_were(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import logging

    fresh = shutil.copytree(folder, tmp_path / "fresh")
    monkeypatch.setattr("benchmark.models.local_model_dir", lambda reference, progress=None: fresh)
    level = logging.getLogger("transformers").level
    BertScore(layer=1, max_length=64).stats(examples(REFERENCES), list(ANSWERS))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("transformers").level == level


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layer": 4, "max_length": 64}, "layer 4 of a model with 3 layers"),
        ({"layer": 1}, "max_length 512, but the model reads at most 64 tokens"),
    ],
)
def test_settings_that_the_encoder_cannot_meet(
    metric: BertScore, settings: dict[str, int], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        BertScore.model_validate(settings).stats(examples(REFERENCES), list(ANSWERS))


def test_missing_weights_are_an_error_and_not_random_numbers(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file, save_file

    broken = shutil.copytree(folder, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    del weights["encoder.layer.0.output.dense.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    monkeypatch.setattr("benchmark.models.local_model_dir", lambda reference, progress=None: broken)
    with pytest.raises(FetchError, match=r"lacks weights.*encoder\.layer\.0\.output"):
        BertScore(layer=1, max_length=64).stats(examples(REFERENCES), list(ANSWERS))


def test_a_folder_that_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "benchmark.models.local_model_dir", lambda reference, progress=None: tmp_path
    )
    with pytest.raises(FetchError, match="bertscore cannot load"):
        BertScore().stats(examples(REFERENCES), list(ANSWERS))


def test_other_weights_in_the_same_folder_are_another_key(folder: Path, tmp_path: Path) -> None:
    local = shutil.copytree(folder, tmp_path / "local")
    metric = BertScore(model=str(local))
    key = metric.weights()
    assert BertScore(model=str(local)).weights() == key
    config = local / "config.json"
    config.write_text(config.read_text() + "\n")
    assert BertScore(model=str(local)).weights() != key


def test_numbers_are_the_same_to_the_bit_in_every_process(folder: Path) -> None:
    # bert-score orders texts of equally many words by Python's hash seed; see BertScore.rows.
    program = (
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import benchmark.models; from metric_helpers import *\n"
        f"folder = Path({str(folder)!r})\n"
        "benchmark.models.local_model_dir = lambda reference, progress=None: folder\n"
        "from benchmark.metrics.bertscore import BertScore\n"
        "texts = [f'{REFERENCES[0][:n]} {REFERENCES[1][:m]}'.replace(' ', '-')\n"
        "         for n in range(1, 60, 9) for m in range(1, 60, 7)]\n"
        "metric = BertScore(layer=2, batch_size=4, max_length=64)\n"
        "stats = metric.stats(examples(texts), texts[::-1])\n"
        "print(stats.tobytes().hex())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1", "PATH": "", "PYTHONPATH": "."},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
