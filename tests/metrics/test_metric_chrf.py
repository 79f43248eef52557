import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from metric_helpers import ANSWERS, REFERENCES, example, examples

from benchmark.metrics.chrf import ChrF

SENTENCE = st.one_of(
    st.lists(
        st.sampled_from(["le", "juge", "Juge.", "(annule", "l'été", "€5", "!"]), max_size=8
    ).map(" ".join),
    st.text(alphabet="aAé .\n\U0001f600", max_size=12),
)
CORPUS = st.lists(st.tuples(SENTENCE, st.lists(SENTENCE, min_size=1, max_size=3)), min_size=1)


def expected(texts: list[str], references: list[tuple[str, ...]], **settings: object) -> float:
    """Return sacrebleu's own number; missing references are None, as it wants them."""
    width = max(len(row) for row in references)
    streams = [[row[i] if i < len(row) else None for row in references] for i in range(width)]
    return float(sacrebleu.CHRF(**settings).corpus_score(texts, streams).score)


def chrf(metric: ChrF, texts: list[str], references: list[tuple[str, ...]]) -> float:
    stats = metric.stats([example(*row) for row in references], texts)
    return float(metric.values(stats.sum(axis=0))[0])


@pytest.mark.parametrize(
    "settings",
    [{}, {"word_order": 2}, {"char_order": 3, "word_order": 1, "beta": 1}, {"lowercase": True}],
    ids=["chrF", "chrF++", "other", "lowercase"],
)
@given(corpus=CORPUS)
def test_equals_sacrebleu_on_any_corpus(
    settings: dict[str, int], corpus: list[tuple[str, list[str]]]
) -> None:
    texts = [text for text, _ in corpus]
    references = [tuple(row) for _, row in corpus]
    ours = chrf(ChrF(**settings), texts, references)
    assert ours == pytest.approx(expected(texts, references, **settings), abs=1e-9)


def test_french_sentences() -> None:
    references = [(text,) for text in REFERENCES]
    ours = chrf(ChrF(), list(ANSWERS), references)
    assert ours == pytest.approx(expected(list(ANSWERS), references), abs=1e-9)
    assert 0 < ours < 100


def test_resamples_at_once_equal_sacrebleu_one_by_one() -> None:
    picks = np.random.default_rng(1).integers(0, 4, size=(3, 4))
    metric = ChrF()
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    for value, pick in zip(metric.values(stats[picks].sum(axis=1))[:, 0], picks, strict=True):
        theirs = expected([ANSWERS[i] for i in pick], [(REFERENCES[i],) for i in pick])
        assert value == pytest.approx(theirs, abs=1e-9)


def test_signature_tells_what_sacrebleus_own_does() -> None:
    for settings in ({}, {"word_order": 2, "lowercase": True}):
        theirs = sacrebleu.CHRF(**settings)
        theirs.corpus_score(["a"], [["a"]])
        wanted = theirs.get_signature().format().split("|")
        wanted = [part.replace("version:", "sacrebleu:") for part in wanted if "nrefs:" not in part]
        assert set(wanted) <= set(ChrF(**settings).signature.split("|"))
