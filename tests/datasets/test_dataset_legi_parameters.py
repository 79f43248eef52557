from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from benchmark.datasets.legi import CODES, Legi
from benchmark.datasets.legi_source import FALLBACK_SHA256, places
from benchmark.references import Reference


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"codes": ("travial",)}, "did you mean 'travail'"),
        ({"codes": ("LEGITEXT1",)}, "unknown code"),
        ({"codes": ()}, "names no code"),
        ({"codes": ("travail", CODES["travail"])}, "twice"),
        ({"source": "npm:@socialgouv/legi-data"}, "pin a version"),
        ({"source": "./not-there"}, "no such file or folder"),
        ({"source": "https://host.example/x.json"}, "put {id}"),
        ({"source": "org/name"}, "on the hub"),
        ({"fallback": "http://host.example/{id}"}, "use https"),
        ({"language": "fr"}, "language"),
        ({"annexes": "some"}, "annexes"),
        ({"templates": "frr"}, "frr: cannot read the file of questions.*or one of en, fr"),
        ({"templates": []}, "the list of questions is empty"),
        ({"templates": 3}, "is no list"),
        ({"templates": [{"name": "a", "text": "{artikle}"}]}, "question 1 has an unknown place"),
        ({"min_chars": -1}, "min_chars"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"as-of": "2026-01-01"}, "as-of"),
    ],
)
def test_mistakes_in_the_parameters(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Legi.model_validate(asked)


def test_one_code_may_be_written_without_a_list() -> None:
    assert Legi.model_validate({"codes": "rural"}).codes == ("rural",)
    assert Legi(codes=(CODES["rural"],)).key == Legi(codes=("rural",)).key


def test_sources() -> None:
    def of(asked: Legi, code: str) -> list[Reference]:
        return places(asked.source, asked.fallback, code)

    first, second = of(Legi(), "rural")
    assert [first, second] == of(Legi(), CODES["rural"])
    assert first.kind == "npm" and first.path == f"data/{CODES['rural']}.json" and first.sha256
    assert second.name.endswith(f"/v{first.version}/data/{CODES['rural']}.json")
    assert second.sha256 == FALLBACK_SHA256[CODES["rural"]]
    # The fallback of the default version never stands in for another version.
    other = Legi(source="npm:@socialgouv/legi-data@2.514.0")
    assert [source.kind for source in of(other, "rural")] == ["npm"]
    mine = Legi(
        source="npm:@socialgouv/legi-data@2.514.0", fallback="https://host.example/{id}.json"
    )
    assert of(mine, "LEGITEXT000000000000")[1].label == (
        "https://host.example/LEGITEXT000000000000.json"
    )
