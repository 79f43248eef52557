import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_helpers import ANSWERS, REFERENCES, example
from nltk.corpus.reader.wordnet import WordNetCorpusReader
from nltk.stem.snowball import SnowballStemmer
from nltk.translate.meteor_score import meteor_score

from benchmark.errors import MissingDependency
from benchmark.metrics.meteor import Meteor
from benchmark.metrics.text import Language, words

PAIRS = list(zip(ANSWERS, REFERENCES, strict=True))
WORDS = ["le", "les", "juge", "juges", "décision", "décisions", "annule", "annulée", "running"]
SENTENCE = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


class NoSynonyms:
    def synsets(self, word: str) -> list[Any]:
        return []


def theirs(text: str, *references: str, language: str = "french") -> float:
    """Return nltk's own number, with its own stemmer and its defaults for everything else."""
    return float(
        meteor_score(
            [words(reference) for reference in references],
            words(text),
            stemmer=SnowballStemmer(language),
            wordnet=NoSynonyms(),
        )
    )


def ours(text: str, *references: str, language: Language = "french") -> float:
    return float(Meteor(language=language).stats([example(*references)], [text])[0, 0])


@given(SENTENCE, st.lists(SENTENCE, min_size=1, max_size=3))
def test_equals_nltk(text: str, references: list[str]) -> None:
    assert ours(text, *references) == pytest.approx(theirs(text, *references), abs=1e-12)


@pytest.mark.parametrize("language", ["french", "english", "german", "italian", "spanish"])
@pytest.mark.parametrize(("answer", "reference"), PAIRS)
def test_every_language_equals_nltk(language: Language, answer: str, reference: str) -> None:
    expected = theirs(answer, reference, language=language)
    assert 0 < expected < 1
    assert ours(answer, reference, language=language) == pytest.approx(expected, abs=1e-12)


def test_stems_are_of_the_language() -> None:
    assert (
        ours("nationales", "nationaux") > 0 == ours("nationales", "nationaux", language="english")
    )
    assert ours("running", "runs", language="english") > 0 == ours("running", "runs")


@given(SENTENCE)
def test_a_text_against_itself(text: str) -> None:
    m = len(words(text))
    assert ours(text, text) == pytest.approx(1 - 0.5 / m**3 if m else 0)


def test_no_words_score_0() -> None:
    assert ours("", "le juge") == ours("le juge", "…") == ours("", "") == 0


def test_a_million_characters_of_words_that_match_nothing() -> None:
    assert ours("mot " * 250_000, "le juge annule") == 0


def test_signature_tells_that_there_are_no_synonyms() -> None:
    signature = Meteor(language="english").signature
    assert "|compat:no|language:english|stemmer:snowball|synonyms:no|" in signature


@given(st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=6))
def test_many_pairs_at_once_equal_nltk_one_by_one(pairs: list[tuple[str, str]]) -> None:
    texts, references = zip(*pairs, strict=True)
    found = Meteor().pairs(texts, references)[:, 0]
    wanted = [theirs(text, reference) for text, reference in pairs]
    assert found.tolist() == pytest.approx(wanted, abs=1e-12)


# --- compat: with a WordNet of two synonyms, since the real one must be downloaded ------------

LEMMAS = ("car", "auto")
FILES = ("noun", "verb", "adj", "adv")


@pytest.fixture
def tiny_wordnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WordNetCorpusReader]:
    """Write WordNet's own files (wndb(5), lexnames(5)) for one synset, and let nltk read them."""
    folder = tmp_path / "corpora" / "wordnet"
    folder.mkdir(parents=True)
    lexnames = [f"{number:02}\tname{number}\t1\n" for number in range(7)]
    (folder / "lexnames").write_text("".join(lexnames))
    (folder / "index.sense").write_text("")
    line = f"00000000 06 n 02 {LEMMAS[0]} 0 {LEMMAS[1]} 0 000 | a motor vehicle  \n"
    for kind in FILES:
        (folder / f"data.{kind}").write_text(line if kind == "noun" else "")
        (folder / f"{kind}.exc").write_text("")
        entries = [f"{lemma} n 1 0 1 0 00000000  \n" for lemma in sorted(LEMMAS)]
        (folder / f"index.{kind}").write_text("".join(entries) if kind == "noun" else "")
    monkeypatch.setattr("nltk.data.path", [str(tmp_path)])  # nltk reads from nowhere else
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about other languages, which we do not ask for
        reader = WordNetCorpusReader(str(folder), None)
    monkeypatch.setitem(vars(sys.modules["nltk.corpus"]), "wordnet", reader)
    yield reader
    # nltk keeps its files open, and says so when they are collected: in some later test.
    kept = [*reader._data_file_map.values(), reader._key_synset_file, reader._key_count_file]
    for file in filter(None, kept):
        file.close()


def test_compat_is_nltk_with_wordnet_and_porter(tiny_wordnet: WordNetCorpusReader) -> None:
    answer, reference = "the auto is running", "a car runs The"
    found = Meteor(compat="nltk").stats([example(reference)], [answer])[0, 0]
    wanted = meteor_score([reference.split()], answer.split(), wordnet=tiny_wordnet)
    assert found == pytest.approx(wanted, abs=1e-12)
    blind = meteor_score([reference.split()], answer.split(), wordnet=NoSynonyms())
    assert found > blind > 0


def test_compat_without_its_data_says_what_to_download(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent:
        def synsets(self, word: str) -> list[Any]:
            raise LookupError("wordnet")

    monkeypatch.setitem(vars(sys.modules["nltk.corpus"]), "wordnet", Absent())
    with pytest.raises(MissingDependency, match="nltk's data") as raised:
        Meteor(compat="nltk").stats([example("un juge")], ["le juge annule"])
    assert "nltk.downloader wordnet" in str(raised.value)
