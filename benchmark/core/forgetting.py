"""Adapters -> what they cost: the perplexity of general text, with each and without any.

A model that learns one thing can forget others (McCloskey and Cohen, 1989). The base of each
candidate with an adapter reads the same general texts with and without it. What was read is
cached by content, like answers: nothing is loaded for what was read before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmark.core.estimate import Speeds, guess_seconds
from benchmark.core.general_text import GeneralText, general_text
from benchmark.core.perplexity import Reading, Sums, summary, sums
from benchmark.core.plan import Plan
from benchmark.core.state import Adapter
from benchmark.core.store import Cache
from benchmark.errors import CandidateError
from benchmark.executors.local import Here
from benchmark.files import write_text
from benchmark.keys import code_version, key, sha256_of_rows
from benchmark.plugins import Backend, Crew, Model, Request, Scorer, trainable
from benchmark.progress import Progress
from benchmark.prompts import Template
from benchmark.side_results import ForgettingSummary
from benchmark.suite import ForgettingSpec

CHARACTERS_A_TOKEN = 4.0
"""For estimates only."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was found out."""

    summaries: tuple[ForgettingSummary, ...] = ()
    """One for each candidate with an adapter, in the suite's order."""
    errors: dict[str, str] = field(default_factory=dict)
    """Candidate -> why it has none."""
    computed: dict[str, int] = field(default_factory=dict)
    """How often texts were read now; empty where the suite asks for none of this."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What is to be read."""

    spec: ForgettingSpec
    text: GeneralText

    def key(self, backend: Backend, adapter: Adapter | None, progress: Progress) -> str:
        """Return the key of one reading: everything that can change it."""
        return key(
            weights=backend.fingerprint(progress),
            adapter=adapter.sha256 if adapter else None,
            texts=sha256_of_rows(self.text.passages),
            max_length=self.spec.max_length,
            code=code_version("benchmark.core.perplexity"),
        )

    def known(self, cache: Cache, name: str) -> Sums | None:
        """Return a reading that was made before."""
        path = cache.path("perplexity", f"{name}.json")
        if not path.is_file():
            return None
        try:
            found = [(float(nll), int(tokens)) for nll, tokens in json.loads(path.read_bytes())]
        except (ValueError, TypeError):
            found = []
        if len(found) == len(self.text.passages):
            return found
        path.replace(path.with_suffix(".damaged"))
        return None

    def tokens(self) -> float:
        """Return about how many tokens one reading has."""
        lengths = (len(text) / CHARACTERS_A_TOKEN for text in self.text.passages)
        return sum(min(length, self.spec.max_length) for length in lengths)


def texts_of(plan: Plan, progress: Progress) -> Texts | None:
    """Fetch the general texts; None where the suite asks for none. Raises FetchError, DataError."""
    spec = plan.suite.forgetting
    return Texts(spec, general_text(spec, progress)) if spec else None


def forgetting(
    plan: Plan,
    adapters: Mapping[str, Adapter | CandidateError],
    progress: Progress,
    crew: Crew | None = None,
) -> Forgotten:
    """Measure every candidate that has an adapter; an error of one is noted, the others go on."""
    texts = texts_of(plan, progress)
    if texts is None:
        return Forgotten()
    summaries: dict[str, ForgettingSummary] = {}
    errors: dict[str, str] = {}
    computed = 0
    for backend, candidates in plan.by_backend():
        mine = {
            candidate.name: adapter
            for candidate in candidates
            if isinstance(adapter := adapters.get(candidate.name), Adapter)
        }
        if not mine:
            continue
        readings = _Readings(texts, backend, crew or Here(progress))
        read = readings.all({"the base": None, **mine})
        computed += readings.computed
        for name, adapter in mine.items():
            try:
                reading = Reading(name, _good(read[adapter.sha256]), _good(read[None]))
                summaries[name] = _summary(plan, texts, reading)
            except CandidateError as error:
                errors[name] = str(error)
                progress.say(f"{name}: forgetting: {error}")
    ordered = [found.name for found in plan.candidates if found.name in summaries]
    return Forgotten(tuple(summaries[name] for name in ordered), errors, {"forgetting": computed})


def estimate(backend: Any, texts: Texts) -> float | None:
    """Return about how many seconds one reading takes; None where nothing is known."""
    if not trainable(backend):
        return None
    known = Speeds(Cache()).seconds(f"likelihood {backend.key}", texts.tokens())
    return known or guess_seconds(backend.model, backend.dtype, texts.tokens(), passes=1)


def _good(found: Sums | CandidateError) -> Sums:
    if isinstance(found, CandidateError):
        raise found
    return found


def _summary(plan: Plan, texts: Texts, reading: Reading) -> ForgettingSummary:
    suite, text = plan.suite, texts.text
    signature = "|".join(
        [
            "perplexity",
            f"data:{text.source}#sha256={text.sha256[:16]}",
            f"texts:{len(text.passages)}",
            f"max_length:{texts.spec.max_length}",
            "jackknife t and paired randomisation by text",
            f"resamples:{suite.resamples}",
            f"seed:{suite.seed}",
            f"code:{code_version('benchmark.core.perplexity')}",
        ]
    )
    return summary(reading, seed=suite.seed, resamples=suite.resamples, signature=signature)


class _Readings:
    """One backend reads the texts, with one adapter after another; opened only if it must be."""

    def __init__(self, texts: Texts, backend: Backend, crew: Crew) -> None:
        self.texts = texts
        self.backend = backend
        self.crew, self.progress = crew, crew.progress
        self.cache = Cache()
        self.computed = 0

    def all(
        self, adapters: Mapping[str, Adapter | None]
    ) -> dict[str | None, Sums | CandidateError]:
        """Return what each adapter (None: the bare base) made of the texts, by its hash.

        Args:
            adapters: By what the terminal calls them.
        """
        found: dict[str | None, Sums | CandidateError] = {}
        waiting: dict[str | None, str] = {}
        for label, adapter in adapters.items():
            name = self.texts.key(self.backend, adapter, self.progress)
            known = self.texts.known(self.cache, name)
            digest = adapter.sha256 if adapter else None
            if known is None:
                waiting[digest] = label
            else:
                found[digest] = known
        if waiting:
            try:
                with self.crew.open(self.backend, self.progress) as model:
                    opened = (model, self._scorer(model))
                    read = [partial(self._one, opened, x, adapters[x]) for x in waiting.values()]
                    made = self.crew.side_by_side(read)
                    found |= dict(zip(waiting, made, strict=True))
            except CandidateError as error:  # the weights do not load, or cannot be asked this
                found |= {digest: error for digest in waiting if digest not in found}
        return found

    def _scorer(self, model: Model) -> Scorer:
        if not isinstance(model, Scorer):
            raise CandidateError(
                f"{self.backend.describe()} cannot say how likely it finds a text",
                hint="remove `forgetting:`, or use a backend with loglikelihood, such as hf",
            )
        return model

    def _one(
        self, opened: tuple[Model, Scorer], label: str, adapter: Adapter | None
    ) -> Sums | CandidateError:
        model, scorer = opened
        passages, limit = self.texts.text.passages, self.texts.spec.max_length
        requests = [Request(str(at), (), Template()) for at in range(len(passages))]
        name = self.texts.key(self.backend, adapter, self.progress)
        started = time.perf_counter()
        try:
            with (
                self.cache.lock("perplexity", name),
                self.progress.step(
                    f"{label}: {len(passages)} general texts",
                    estimate=estimate(self.backend, self.texts),
                ),
                model.adapted(adapter.path if adapter else None),
            ):
                made = sums(scorer.loglikelihood(requests, passages, limit))
                write_text(self.cache.path("perplexity", f"{name}.json"), json.dumps(made))
        except CandidateError as error:
            return error
        except Exception as error:
            # Whatever a library throws at one adapter, the others are still measured.
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            return CandidateError(reason)
        self.computed += 1
        seconds, tokens = time.perf_counter() - started, sum(count for _, count in made)
        speed = f"likelihood {getattr(self.backend, 'key', '')}"
        Speeds(self.cache).remember(speed, tokens, seconds)
        return made
