import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_helpers import ANSWERS, REFERENCES, example

from benchmark.metrics.levenshtein import Levenshtein

SHORT = st.text(alphabet="abcé ", max_size=12)


def edits(one: str, two: str) -> int:
    """Return the distance by the textbook's table (Wagner and Fischer 1974)."""
    row = list(range(len(two) + 1))
    for number, left in enumerate(one, 1):
        row, above = [number], row
        for column, right in enumerate(two, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (left != right)))
    return row[-1]


@given(SHORT, SHORT)
def test_equals_the_table(text: str, reference: str) -> None:
    distance, similarity, count = Levenshtein().stats([example(reference)], [text])[0]
    assert (distance, count) == (edits(text, reference), 1)
    longer = max(len(text), len(reference))
    assert similarity == pytest.approx(1 - distance / longer if longer else 1)


def test_texts_longer_than_a_machine_word() -> None:
    text, reference = "".join(REFERENCES), "".join(ANSWERS)
    distance = Levenshtein().stats([example(reference)], [text])[0, 0]
    assert distance == edits(text, reference)


@pytest.mark.parametrize(
    ("text", "references", "expected"),
    [
        ("chat", ("chat",), (0, 1)),
        ("chat", ("chats", "chien"), (1, 0.8)),
        ("", ("abcd",), (4, 0)),
        ("", ("",), (0, 1)),
        ("été", ("ete",), (2, 1 / 3)),
        # The nearest by count and the nearest by share are different references.
        ("ab", ("x", "abcdef"), (2, 1 / 3)),
    ],
)
def test_known(text: str, references: tuple[str, ...], expected: tuple[float, float]) -> None:
    stats = Levenshtein().stats([example(*references)], [text])
    assert stats[0, :2].tolist() == pytest.approx(list(expected))


def test_lower_distance_is_better() -> None:
    better = {info.name: info.higher_is_better for info in Levenshtein().infos()}
    assert better == {"levenshtein": False, "levenshtein_similarity": True}
