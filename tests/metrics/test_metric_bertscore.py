import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metric_helpers import ANSWERS, REFERENCES, build_encoder, example, examples

from benchmark import encoders
from benchmark.errors import ConfigError, FetchError
from benchmark.metrics.bertscore import BertScore

LAYER = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # "t5" in a path makes bert-score's own loader expect a T5 model; ours must not care.
    return build_encoder(tmp_path_factory.mktemp("encoder") / "not-t5")


@pytest.fixture
def metric(folder: Path, monkeypatch: pytest.MonkeyPatch) -> BertScore:
    return BertScore(model=str(folder), layer=LAYER, max_length=64)


def theirs(folder: Path, texts: list[str], references: list[list[str]], **how: Any) -> np.ndarray:
    """Return bert-score's own numbers, from a copy whose path it reads rightly."""
    import bert_score

    plain = folder.parent / "plain"
    shutil.copytree(folder, plain, dirs_exist_ok=True)
    how = {"num_layers": LAYER, "nthreads": 0, **how}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = bert_score.score(texts, references, model_type=str(plain), **how)
    return np.stack([column.numpy() for column in scores], axis=1)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the number of texts of each pass of an encoder."""
    passes: list[int] = []
    states = encoders._states

    def count(encoder: encoders.Encoder, rows: Any) -> Any:
        passes.append(len(rows))
        return states(encoder, rows)

    monkeypatch.setattr(encoders, "_states", count)
    return passes


def test_equals_bert_score(metric: BertScore, folder: Path) -> None:
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    expected = theirs(folder, list(ANSWERS), [[text] for text in REFERENCES])
    assert 0 < expected.min() < expected.max() < 1
    np.testing.assert_allclose(stats[:, :3], expected, atol=1e-6)
    assert stats[:, 3:].tolist() == [[0, 1]] * 4


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
    assert metric.cut(stats.sum(axis=0)) == 1
    longer = metric.stats(examples(REFERENCES[:1]), [long + " autre chose"])
    assert longer.tolist() == stats.tolist()


def test_shorter_max_length_changes_numbers_and_key(metric: BertScore) -> None:
    short = metric.model_copy(update={"max_length": 8})
    whole = metric.stats(examples(REFERENCES), list(ANSWERS))
    assert not np.allclose(short.stats(examples(REFERENCES), list(ANSWERS)), whole)
    assert short.key != metric.key
    assert "max_length:8" in short.signature


def test_a_tokenizer_without_maximum_length(
    folder: Path, tmp_path: Path, metric: BertScore
) -> None:
    expected = metric.stats(examples(REFERENCES), list(ANSWERS))
    other = shutil.copytree(folder, tmp_path / "other")
    settings = json.loads((other / "tokenizer_config.json").read_text())
    del settings["model_max_length"]
    (other / "tokenizer_config.json").write_text(json.dumps(settings))
    metric = metric.model_copy(update={"model": str(other)})
    assert metric.stats(examples(REFERENCES), list(ANSWERS)).tolist() == expected.tolist()


@pytest.mark.parametrize("text", ["", "  \n", "\x00", "\ud800", "\u200f"])
def test_an_answer_without_tokens_scores_0(
    metric: BertScore, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stats = metric.stats(examples(REFERENCES[:2]), [text, ANSWERS[1]])
    assert stats[0].tolist() == [0, 0, 0, 0, 1]
    assert stats[1, 2] > 0
    assert metric.stats([example(text)], [ANSWERS[0]]).tolist() == [[0, 0, 0, 0, 1]]
    assert metric.stats([example(text, REFERENCES[1])], [ANSWERS[1]]).tolist() == [
        pytest.approx(stats[1].tolist(), abs=1e-6)
    ]
    assert capsys.readouterr().err == ""


def test_order_does_not_matter(metric: BertScore) -> None:
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    turned = metric.stats(examples(REFERENCES[::-1]), list(ANSWERS[::-1]))
    assert turned[::-1].tolist() == stats.tolist()


def test_the_reference_itself_scores_1(metric: BertScore) -> None:
    stats = metric.stats(examples(REFERENCES), list(REFERENCES))
    np.testing.assert_allclose(stats[:, :3], 1, atol=1e-6)


def test_no_examples_and_no_references(metric: BertScore) -> None:
    assert metric.stats([], []).shape == (0, 5)
    assert metric.stats([example()], ["x"]).tolist() == [[0, 0, 0, 0, 0]]


def test_loading_says_nothing_and_leaves_loggers_as_they_were(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import logging

    fresh = shutil.copytree(folder, tmp_path / "fresh")
    level = logging.getLogger("transformers").level
    BertScore(model=str(fresh), layer=1, max_length=64).stats(examples(REFERENCES), list(ANSWERS))
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
        BertScore.model_validate({"model": metric.model, **settings}).stats(
            examples(REFERENCES), list(ANSWERS)
        )


def test_missing_weights_are_an_error_and_not_random_numbers(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = shutil.copytree(folder, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    del weights["encoder.layer.0.output.dense.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(FetchError, match=r"lacks weights.*encoder\.layer\.0\.output"):
        BertScore(model=str(broken), layer=1, max_length=64).stats(
            examples(REFERENCES), list(ANSWERS)
        )


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FetchError, match="bertscore cannot load"):
        BertScore(model=str(tmp_path)).stats(examples(REFERENCES), list(ANSWERS))


def test_other_weights_in_the_same_folder_are_another_key(folder: Path, tmp_path: Path) -> None:
    local = shutil.copytree(folder, tmp_path / "local")
    metric = BertScore(model=str(local))
    key = metric.weights()
    assert BertScore(model=str(local)).weights() == key
    config = local / "config.json"
    config.write_text(config.read_text() + "\n")
    assert BertScore(model=str(local)).weights() != key


def test_numbers_are_the_same_to_the_bit_in_every_process(folder: Path, tmp_path: Path) -> None:
    # bert-score itself orders texts of equally many words by Python's hash seed.
    program = (
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from metric_helpers import *\n"
        "from benchmark.metrics.bertscore import BertScore\n"
        "texts = [f'{REFERENCES[0][:n]} {REFERENCES[1][:m]}'.replace(' ', '-')\n"
        "         for n in range(1, 60, 9) for m in range(1, 60, 7)]\n"
        f"metric = BertScore(model={str(folder)!r}, layer=2, max_length=64)\n"
        "stats = metric.stats(examples(texts), texts[::-1])\n"
        "print(stats.tobytes().hex())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                "PYTHONHASHSEED": seed,
                "OMP_NUM_THREADS": "1",
                "PATH": "",
                "PYTHONPATH": ".",
                "BENCH_CACHE": str(tmp_path / seed),
            },
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


# --- weights, baselines, other encoders -----------------------------------------------------


def test_idf_equals_bert_score(metric: BertScore, folder: Path) -> None:
    rare = metric.model_copy(update={"idf": True})
    stats = rare.stats(examples(REFERENCES), list(ANSWERS))
    references = [[text] for text in REFERENCES]
    expected = theirs(folder, list(ANSWERS), references, idf=True)
    np.testing.assert_allclose(stats[:, :3], expected, atol=1e-6)
    assert not np.allclose(expected, metric.stats(examples(REFERENCES), list(ANSWERS))[:, :3])
    assert "idf:yes" in rare.signature


def test_rescaled_by_a_baseline_as_bert_score_does(metric: BertScore, folder: Path) -> None:
    line = (0.41, 0.42, 0.43)
    file = folder.parent / "baseline.tsv"
    # The layout of bert-score's own files: layer 0 first.
    file.write_text("LAYER,P,R,F\n0,0.1,0.1,0.1\n1,0.2,0.2,0.2\n2,0.41,0.42,0.43\n")
    rescaled = metric.model_copy(update={"baseline": line})
    stats = rescaled.stats(examples(REFERENCES), list(ANSWERS))
    references = [[text] for text in REFERENCES]
    how = {"rescale_with_baseline": True, "baseline_path": str(file), "lang": "fr"}
    expected = theirs(folder, list(ANSWERS), references, **how)
    np.testing.assert_allclose(stats[:, :3], expected, atol=1e-6)
    assert "rescaled:0.41,0.42,0.43" in rescaled.signature and rescaled.key != metric.key


def test_a_baseline_of_1_or_more_is_refused() -> None:
    with pytest.raises(ValueError, match="similarities below 1"):
        BertScore(baseline=(0.5, 1.0, 0.5))


def camembert(folder: Path) -> Path:
    """Write a random CamemBERT and a Unigram tokenizer like its own."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import CamembertConfig, CamembertModel, PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    words = Tokenizer(models.Unigram())
    words.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    words.train_from_iterator([*REFERENCES, *ANSWERS], trainer)
    words.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", cls_token="<s>", eos_token="</s>",
        sep_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
        model_max_length=48,
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(0)
    config = CamembertConfig(
        vocab_size=words.get_vocab_size(), hidden_size=32, num_hidden_layers=11,
        num_attention_heads=4, intermediate_size=64, max_position_embeddings=50, pad_token_id=1,
    )  # fmt: skip
    CamembertModel(config).save_pretrained(folder)
    return folder


def test_layer_9_of_a_camembert_equals_bert_score(tmp_path: Path) -> None:
    folder = camembert(tmp_path / "camembert")
    answers = [*ANSWERS[:3], " ".join(ANSWERS * 3)]  # the last is longer than 48 tokens
    metric = BertScore(model=str(folder), layer=9, max_length=48)
    stats = metric.stats(examples(REFERENCES), answers)
    expected = theirs(folder, answers, [[text] for text in REFERENCES], num_layers=9)
    np.testing.assert_allclose(stats[:, :3], expected, atol=1e-6)
    # 50 positions are 48 tokens: CamemBERT numbers them from pad_token_id + 1.
    with pytest.raises(ConfigError, match="reads at most 48 tokens"):
        metric.model_copy(update={"max_length": 49}).stats(examples(REFERENCES), answers)


# --- each text is encoded once ---------------------------------------------------------------


def test_each_distinct_text_is_encoded_once_for_all_candidates(
    metric: BertScore, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = counted(monkeypatch)
    rows = [example(*REFERENCES[:2]), example(*REFERENCES[1:3])]
    first = metric.stats(rows, [ANSWERS[0], ANSWERS[0]])
    assert sum(passes) == 3 + 1
    metric.stats(rows, [ANSWERS[0], ANSWERS[1]])
    assert sum(passes) == 3 + 2
    assert metric.stats(rows, [ANSWERS[0], ANSWERS[0]]).tolist() == first.tolist()
    assert sum(passes) == 3 + 2
    # Neither idf nor a baseline changes a vector; another layer does.
    metric.model_copy(update={"idf": True}).stats(rows, [ANSWERS[0], ANSWERS[1]])
    assert sum(passes) == 3 + 2
    metric.model_copy(update={"layer": 1}).stats(rows, [ANSWERS[0], ANSWERS[0]])
    assert sum(passes) == 3 + 2 + 4


def test_only_the_layers_that_are_needed_are_loaded(metric: BertScore) -> None:
    metric.stats(examples(REFERENCES), list(ANSWERS))
    loaded = encoders.load(Path(metric.model), "bertscore", layers=LAYER, max_length=64)
    assert len(loaded.model.encoder.layer) == LAYER


def test_cut_texts_are_counted_by_example(metric: BertScore) -> None:
    short = metric.model_copy(update={"max_length": 12})
    rows = [example(REFERENCES[0]), example("Oui."), example("Oui.")]
    stats = short.stats(rows, ["Oui.", "Non.", ANSWERS[0]])
    assert stats[:, 3].tolist() == [1, 0, 1]
    assert short.cut(stats.sum(axis=0)) == 2
