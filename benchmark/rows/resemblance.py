"""Which texts of one side resemble which of the other, boilerplate set aside."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from benchmark.rows.passages import Text, body, keys_of, without, words_of
from benchmark.rows.similar import Pair, Signatures, jaccard, shingles

SMALL = 2
"""Words in a shingle for finding candidates: one word changed in ten leaves 7 of 11 in common,
where 5-grams leave 1 of 11."""
BANDS = 32
CANDIDATE = 0.4
"""Similarity from which two texts are looked at closely; 32 bands find 56 % of the pairs at 0.4,
88 % at 0.5, 99 % at 0.6."""
CANDIDATES = 20
"""A text is compared closely with so many others at most, the likeliest first."""
MANY_WORDS = 5_000
"""Of longer passages, order is not looked at."""
LONG_ANSWER = 50
"""Words from which an answer is looked for inside other texts."""


def near(
    asked: Sequence[Text], others: Sequence[Text], common: frozenset[int], similarity: float
) -> Iterator[Pair]:
    """Give the pairs (of `asked`, of `others`) that are nearly the same.

    Candidates are found by MinHash over word bigrams and then compared word for word.

    Args:
        asked: Texts of the one side.
        others: Texts of the other side.
        common: Keys of the passages that count for nothing.
        similarity: See `likeness`.
    """
    left, right = _signed(asked, common), _signed(others, common)
    looked = Counter[int]()
    for pair in left.matches(right, CANDIDATE):
        looked[pair.first] += 1
        if looked[pair.first] <= CANDIDATES:
            like = likeness(asked[pair.first], others[pair.second], common)
            if like >= similarity:
                yield Pair(pair.first, pair.second, like)


def likeness(first: Text, second: Text, common: frozenset[int]) -> float:
    """Return how much two texts are the same, from 0 to 1: the larger of two numbers.

    One is the share of words that the *differing* passages have in common, in their order
    (2 x longest common subsequence / words of both): near 1 for a changed word, near 0 for
    another article under the same headings. The other is the share of word 5-grams that the
    texts have in common (Jaccard), but for headings that are equal: near 1 for two versions of
    which one has a paragraph more.
    """
    from rapidfuzz.distance import Indel

    shared = keys_of(first) & keys_of(second)
    heads = frozenset(passage.key for passage in first if passage.heading) & shared
    left, right = without(first, common | heads), without(second, common | heads)
    overall = jaccard(shingles(words_of(left)), shingles(words_of(right)))
    left = tuple(passage for passage in first if passage.key not in common | shared)
    right = tuple(passage for passage in second if passage.key not in common | shared)
    differing = words_of(left), words_of(right)
    if not min(map(len, differing)) or max(map(len, differing)) > MANY_WORDS:
        return overall
    return max(overall, Indel.normalized_similarity(*differing))


def contained(
    answers: Sequence[Text],
    others: Sequence[Text],
    common: frozenset[int],
    size: int,
    similarity: float,
) -> Iterator[Pair]:
    """Give the pairs of a long answer and a text that has most of its n-grams.

    Args:
        answers: Those with fewer than `LONG_ANSWER` words of their own are passed over.
        others: Texts that may contain them.
        common: Keys of the passages that count for nothing.
        size: Words in an n-gram.
        similarity: Smallest share of the answer's n-grams.
    """
    holders: defaultdict[str, list[int]] = defaultdict(list)
    sizes = {}
    for number, answer in enumerate(answers):
        of = words_of(body(answer, common))
        if len(of) >= LONG_ANSWER:
            grams = set(shingles(of, size))
            sizes[number] = len(grams)
            for gram in grams:
                holders[gram].append(number)
    for other, text in enumerate(others if sizes else ()):
        grams = set(shingles(words_of(body(text, common)), size))
        hits = Counter(number for gram in grams & holders.keys() for number in holders[gram])
        for number, count in hits.items():
            if count >= similarity * sizes[number]:
                yield Pair(number, other, count / sizes[number])


def _signed(texts: Sequence[Text], common: frozenset[int]) -> Signatures:
    signatures = Signatures(BANDS)
    for start in range(0, len(texts), 500):
        batch = texts[start : start + 500]
        signatures.add([shingles(words_of(without(text, common)), SMALL) for text in batch])
    return signatures
