"""Data -> what each candidate that retrieves is asked: its rows with passages in their prompts.

It comes before training: a candidate that trains and retrieves learns from prompts of the very
layout that it will be asked in. Documents are the same for all candidates that name them alike,
and are read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmark.core.plan import CandidatePlan, Plan
from benchmark.core.state import Data, Retrieved, Sides, examples_sha256
from benchmark.core.store import Cache
from benchmark.files import write_text
from benchmark.keys import code_version, key, sha256_of_rows
from benchmark.models import local_model
from benchmark.progress import Progress
from benchmark.records import Example
from benchmark.references import fetch
from benchmark.results import RetrievalSummary
from benchmark.retrieval.documents import Documents, documents
from benchmark.retrieval.few_shot import shots
from benchmark.retrieval.index import Asked, Index, signature
from benchmark.retrieval.recall import recall
from benchmark.rows.leaks import LeakReport, leaks
from benchmark.suite import RetrievalSpec


def prepare(plan: Plan, progress: Progress) -> None:
    """Fetch documents and encoders, so that a missing network shows before the long work."""
    for _, spec in _wanted(plan):
        if spec.is_own:
            fetch(spec.documents, progress)
        if spec.model is not None:
            local_model(spec.model, progress)


def retrieve(plan: Plan, data: Data, progress: Progress, *, only_ready: bool = False) -> Data:
    """Return the data with what every candidate that retrieves is asked.

    Args:
        plan: What to do.
        data: The three sides.
        progress: Where long steps show themselves.
        only_ready: Leave out candidates for which texts would have to be encoded first.

    Raises:
        FetchError: Documents or an encoder cannot be fetched.
        DataError: There are no documents, or they are broken; or too few rows to show.
    """
    for candidate in plan.candidates:  # too few solved examples show before anything is trained
        if candidate.spec.few_shot:
            shots(data.train, data.test, candidate.spec.few_shot, plan.suite.seed)
    found: dict[str, Retrieved] = {}
    indexes: dict[tuple[str, int], Index] = {}
    sources: dict[str, Documents] = {}
    for candidate, spec in _wanted(plan):
        name, place = spec.documents, (spec.documents, spec.passage_chars)
        if name not in sources:
            sources[name] = documents(spec, data.train, plan.dataset, progress)
        if place not in indexes:
            indexes[place] = Index(sources[name], spec)
        asking = _Asking(plan, data, candidate, spec, indexes[place])
        if only_ready and not asking.is_ready(progress):
            continue
        made = asking.retrieved(progress)
        found[candidate.name] = made
        if made.summary.copying and not only_ready:
            progress.say(f"{candidate.name}: {made.summary.copying}")
    return replace(data, retrieved=found) if found else data


@dataclass(frozen=True, slots=True)
class _Asking:
    """One candidate and the index that it retrieves from."""

    plan: Plan
    data: Data
    candidate: CandidatePlan
    spec: RetrievalSpec
    index: Index

    def parts(self) -> list[Sequence[Example]]:
        """Return the sides that it is asked or learns: test; train and validation if it trains."""
        data, trains = self.data, self.candidate.spec.train is not None
        return [data.test, *((data.train, data.validation) if trains else ())]

    def is_ready(self, progress: Progress) -> bool:
        """Tell whether nothing would have to be encoded."""
        return all(self.index.is_ready(self.spec, part, progress) for part in self.parts())

    def retrieved(self, progress: Progress) -> Retrieved:
        """Search for every row."""
        # What it learns from must look as what it is asked. In the answers of the train side
        # each train row would find its own, which no test row does.
        own = self.spec.documents == "train"
        with progress.step(f"{self.candidate.name}: search {len(self.index.passages)} passages"):
            test, *learned = [
                self.index.ask(part, self.spec, progress, without_own=own and bool(place))
                for place, part in enumerate(self.parts())
            ]
        train, validation = (
            [[one.example for one in part] for part in learned]
            if learned
            else (self.data.train, self.data.validation)
        )
        sides = Sides(
            train=train,
            validation=validation,
            test=[one.example for one in test],
            train_sha256=examples_sha256([*train, *validation]),
        )
        return Retrieved(sides, [one.found for one in test], self.summary(test, progress))

    def summary(self, test: Sequence[Asked], progress: Progress) -> RetrievalSummary:
        """Return how well it found what it looked for."""
        found = [one.found for one in test]
        clusters = [row.group or f"\x1f{row.id}" for row in self.data.test]
        rates = recall(found, clusters)
        return RetrievalSummary(
            candidate=self.candidate.name,
            documents=self.index.documents.source,
            sha256=self.index.sha256,
            texts=len(self.index.documents.texts),
            passages=len(self.index.passages),
            k=self.spec.k,
            asked=len(test),
            **rates._asdict(),
            chars=sum(one.chars for one in found) / max(1, len(found)),
            dropped=sum(one.dropped for one in test),
            cut=sum(one.cut for one in found),
            empty=sum(not one.hits for one in found),
            in_index=in_index(self.plan, self.data, self.index.documents, progress),
            signature=signature(self.spec),
        )


def in_index(plan: Plan, data: Data, found: Documents, progress: Progress) -> int:
    """Return how many test answers stand in documents, from the cache or looked for now."""
    texts = [(one.id, f"{one.title}\n\n{one.text}".strip()) for one in found.texts]
    likeness = plan.suite.leaks.similarity
    name = key(
        documents=sha256_of_rows(f"{name}\x1f{text}" for name, text in texts),
        train=data.summary.train_sha256,
        test=data.summary.test_sha256,
        similarity=likeness,
        code=code_version("benchmark.rows.leaks"),
    )
    path = Cache().path("checks", f"index-{name}.json")
    if path.is_file():
        try:
            return LeakReport.model_validate_json(path.read_bytes()).in_index
        except ValueError:
            path.replace(path.with_suffix(".damaged"))  # looked for again below
    with progress.step(f"look for test answers in {len(texts)} documents"):
        learned = [*data.train, *data.validation]
        report = leaks(learned, data.test, index=texts, similarity=likeness)
    write_text(path, report.model_dump_json())
    return report.in_index


def _wanted(plan: Plan) -> Iterator[tuple[CandidatePlan, RetrievalSpec]]:
    for candidate in plan.candidates:
        if candidate.spec.retrieval:
            yield candidate, candidate.spec.retrieval
