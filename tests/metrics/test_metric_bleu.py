import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from metric_helpers import ANSWERS, REFERENCES, example, examples
from nltk.translate.bleu_score import corpus_bleu

from benchmark.metrics.bleu import Bleu, Tokenizer
from benchmark.metrics.tokens import read

WORDS = ["le", "juge", "Juge", "annule", "l'arrêté", ",", ".", "L4121-1", "été", "(", "€5"]
SENTENCE = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
CORPUS = st.lists(st.tuples(SENTENCE, st.lists(SENTENCE, min_size=1, max_size=3)), min_size=1)


def expected(texts: list[str], references: list[tuple[str, ...]], **settings: object) -> float:
    """Return sacrebleu's own number; missing references are None, as it wants them."""
    width = max(len(row) for row in references)
    streams = [[row[i] if i < len(row) else None for row in references] for i in range(width)]
    return float(sacrebleu.corpus_bleu(texts, streams, **settings).score)


def bleu(metric: Bleu, texts: list[str], references: list[tuple[str, ...]]) -> float:
    stats = metric.stats([example(*row) for row in references], texts)
    return float(metric.values(stats.sum(axis=0))[0])


@pytest.mark.parametrize("tokenize", ["13a", "intl", "char", "none"])
@pytest.mark.parametrize("lowercase", [False, True])
def test_equals_sacrebleu(tokenize: Tokenizer, lowercase: bool) -> None:
    references = [(text,) for text in REFERENCES]
    ours = bleu(Bleu(tokenize=tokenize, lowercase=lowercase), list(ANSWERS), references)
    theirs = expected(list(ANSWERS), references, tokenize=tokenize, lowercase=lowercase)
    assert 0 < ours < 100
    assert ours == pytest.approx(theirs, abs=1e-9)


@given(CORPUS)
def test_equals_sacrebleu_on_any_corpus(corpus: list[tuple[str, list[str]]]) -> None:
    texts = [text for text, _ in corpus]
    references = [tuple(row) for _, row in corpus]
    assert bleu(Bleu(), texts, references) == pytest.approx(expected(texts, references), abs=1e-9)


@given(st.lists(SENTENCE, min_size=4, max_size=4), st.integers(0, 2**32 - 1))
def test_resamples_at_once_equal_sacrebleu_one_by_one(texts: list[str], seed: int) -> None:
    picks = np.random.default_rng(seed).integers(0, 4, size=(3, 4))
    metric = Bleu()
    stats = metric.stats(examples(REFERENCES), texts)
    values = metric.values(stats[picks].sum(axis=1))
    assert values.shape == (3, 1)
    for value, pick in zip(values[:, 0], picks, strict=True):
        theirs = expected([texts[i] for i in pick], [(REFERENCES[i],) for i in pick])
        assert value == pytest.approx(theirs, abs=1e-9)


def test_ten_thousand_resamples() -> None:
    metric = Bleu()
    stats = metric.stats(examples(REFERENCES), list(ANSWERS))
    picks = np.random.default_rng(0).integers(0, 4, size=(10_000, 4))
    values = metric.values(stats[picks].sum(axis=1))
    assert values.shape == (10_000, 1)
    assert np.isfinite(values).all()
    assert values.min() < metric.values(stats.sum(axis=0))[0] < values.max()


def test_the_reference_itself_scores_100() -> None:
    references = [(text,) for text in REFERENCES]
    assert bleu(Bleu(), list(REFERENCES), references) == pytest.approx(100)


def test_examples_without_references_do_not_count() -> None:
    metric = Bleu()
    stats = metric.stats([example(REFERENCES[0]), example()], [ANSWERS[0], "autre chose"])
    alone = metric.stats([example(REFERENCES[0])], [ANSWERS[0]])
    assert stats.sum(axis=0).tolist() == alone.sum(axis=0).tolist()
    assert np.isnan(metric.values(stats[1])).all()


def test_only_empty_answers_score_0() -> None:
    assert bleu(Bleu(), ["", ""], [("a b c d",), ("",)]) == 0 == expected([""], [("a b c d",)])


def test_signature_tells_what_sacrebleus_own_does() -> None:
    for metric in (Bleu(), Bleu(tokenize="intl", lowercase=True)):
        theirs = sacrebleu.BLEU(tokenize=metric.tokenize, lowercase=metric.lowercase)
        theirs.corpus_score(["a"], [["a"]])
        wanted = theirs.get_signature().format().split("|")
        # sacrebleu's version stands under the package's name; the number of references is the
        # data's, not the metric's.
        wanted = [part.replace("version:", "sacrebleu:") for part in wanted if "nrefs:" not in part]
        assert set(wanted) <= set(metric.signature.split("|"))


def test_sacrebleu_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bleu(Bleu(), ["a ."] * 120, [("b .",)] * 120)
    assert not caplog.records


def test_compat_evaluate_is_nltks_unsmoothed_bleu() -> None:
    # evaluate's bleu (the script of tensorflow/nmt) cannot be loaded without its hub. With one
    # reference a text it is nltk's corpus_bleu without smoothing, on the words of 13a.
    tokenizer = sacrebleu.BLEU().tokenizer
    cut = [[tokenizer(text).split() for text in some] for some in (ANSWERS, REFERENCES)]
    wanted = corpus_bleu([[reference] for reference in cut[1]], cut[0])
    metric = Bleu(compat="evaluate")
    ours = bleu(metric, list(ANSWERS), [(text,) for text in REFERENCES])
    assert 0 < ours == pytest.approx(wanted, abs=1e-9)
    assert "|smooth:none|compat:evaluate|" in metric.signature


def test_compat_evaluate_by_its_formula() -> None:
    # Of several references the shortest counts for the length; an order without a match gives 0.
    long, short = "a b c d e f g h", "a b c d e"
    assert bleu(Bleu(compat="evaluate"), ["a b c d e"], [(long, short)]) == 1
    assert bleu(Bleu(compat="evaluate"), ["a b c d"], [(short,)]) == pytest.approx(np.exp(-1 / 4))
    assert bleu(Bleu(compat="evaluate"), ["a b x d e"], [(short,)]) == 0


@given(st.text(alphabet="a1.,-&;<\n '’é", max_size=20), st.sampled_from(["13a", "intl", "char"]))
def test_words_are_sacrebleus(text: str, tokenize: Tokenizer) -> None:
    # Pieces are cut one by one and remembered: that must change nothing.
    lexicon, (tokens,) = read(tokenize, [text])
    theirs = sacrebleu.BLEU(tokenize=tokenize).tokenizer(text.rstrip()).split()
    assert [lexicon.words[number] for number in tokens.ids] == theirs
