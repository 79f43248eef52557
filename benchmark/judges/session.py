"""A panel at work: who is asked what, all models at once, and the votes made into verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from benchmark.errors import BenchError
from benchmark.judges.asking import How, Openings, Reading, ask_all, openings
from benchmark.judges.prompts import Question
from benchmark.judges.voting import disagree, tally
from benchmark.keys import key
from benchmark.plugins import Backend, JudgeItem, Model, trainable
from benchmark.progress import Progress, Tick
from benchmark.records import Verdict, Vote
from benchmark.suite import Decoding

if TYPE_CHECKING:
    from benchmark.judges.jury import Jury

PORTION = 16
"""Items after which a local model's verdicts are handed on; a server's answers are kept one by
one, and are asked for all together."""


class _Task(NamedTuple):
    """One member's vote on one item."""

    item: int
    member: int
    questions: tuple[Question, ...]


def each_verdict(
    jury: Jury, items: Sequence[JudgeItem], progress: Progress
) -> Iterator[tuple[int, Verdict]]:
    """Yield (position, verdict), all positions once."""
    if not items:
        return
    here = [backend for backend in jury.backends if trainable(backend)]
    size = PORTION if len(here) == len(jury.backends) == 1 else len(items)
    label, total = f"judge: {len(items)} answers", len(items) * len(jury.members)
    with openings(progress) as held, progress.step(label, total=total, unit="vote") as tick:
        session = _Session(jury, items, held, tick, progress)
        for start in range(0, len(items), size):
            yield from session.portion(range(start, min(start + size, len(items))))


class _Session:
    """One panel, its items, and its open models."""

    def __init__(
        self,
        jury: Jury,
        items: Sequence[JudgeItem],
        held: Openings,
        tick: Tick,
        progress: Progress,
    ) -> None:
        self.jury, self.items, self.held = jury, items, held
        self.tick, self.progress = tick, progress

    def portion(self, places: Sequence[int]) -> Iterator[tuple[int, Verdict]]:
        """Ask about some items, and yield their verdicts."""
        everybody = range(len(self.jury.members))
        sampled = {at for at in places if self._is_sampled(at)}
        first = {at: everybody if at in sampled else everybody[:2] for at in places}
        votes = self._votes([(at, member) for at, some in first.items() for member in some])
        rest = [
            (at, member)
            for at in places
            if at not in sampled and disagree(self._of(votes, at), self.jury.vote)
            for member in everybody[2:]
        ]
        votes |= self._votes(rest)
        for at in places:
            yield at, self._verdict(at, self._of(votes, at), at in sampled)

    def _is_sampled(self, at: int) -> bool:
        voting, item = self.jury.vote, self.items[at]
        if not voting.on_disagreement:
            return True
        texts = [generation.text for generation in item.generations]
        drawn = key(seed=self.jury.seed, prompt=item.example.question, texts=texts)
        return int(drawn[:8], 16) < voting.full_share * 2**32

    @staticmethod
    def _of(votes: dict[tuple[int, int], Vote], at: int) -> list[Vote]:
        return [vote for (item, _), vote in sorted(votes.items()) if item == at]

    def _votes(self, asked: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Vote]:
        """Return one vote for each (item, member)."""
        jury = self.jury
        by_backend: list[tuple[Backend, list[_Task]]] = [(one, []) for one in jury.backends]
        votes: dict[tuple[int, int], Vote] = {}
        for at, number in asked:
            member = jury.members[number]
            questions = tuple(jury.questions(self.items[at], member.variant))
            if not questions:
                votes[at, number] = Vote(
                    member=member.name,
                    value=None,
                    label="abstained",
                    rationale="there is no reference answer to judge by",
                )
                continue
            tasks = next(found for backend, found in by_backend if backend is member.backend)
            tasks.append(_Task(at, number, questions))
        near = [pair for pair in by_backend if pair[1] and trainable(pair[0])]
        far = [pair for pair in by_backend if pair[1] and not trainable(pair[0])]
        if far:
            opened = [(backend, self._open(backend), tasks) for backend, tasks in far]
            with ThreadPoolExecutor(len(far)) as pool:
                for part in pool.map(lambda one: self._ask(*one), opened):
                    votes |= part
        for backend, tasks in near:
            votes |= self._ask(backend, self._open(backend), tasks)
        return votes

    def _open(self, backend: Backend) -> Model | str:
        """Return a backend's model, or why there is none."""
        try:
            return self.held.model(backend)
        except BenchError as error:
            return self._stopped(backend, error)

    def _stopped(self, backend: Backend, error: BenchError) -> str:
        why = str(error)
        if all(known != backend for known, _ in self.held.refused):
            self.held.refuse(backend, why)
            self.progress.say(f"judge: {why}")
        return why

    def _ask(
        self, backend: Backend, model: Model | str, tasks: Sequence[_Task]
    ) -> dict[tuple[int, int], Vote]:
        """Let one model give its votes; where it stops, each vote says why."""
        jury, votes = self.jury, {}
        for repeat in sorted({jury.members[task.member].repeat for task in tasks}):
            mine = [task for task in tasks if jury.members[task.member].repeat == repeat]
            readings = self._readings(backend, model, mine, repeat)
            for task in mine:
                parts = [next(readings) for _ in task.questions]
                votes[task.item, task.member] = self._vote(task.member, parts)
        return votes

    def _readings(
        self, backend: Backend, model: Model | str, tasks: Sequence[_Task], repeat: int
    ) -> Iterator[Reading]:
        asked = [
            (self.items[task.item].example.id, question)
            for task in tasks
            for question in task.questions
        ]
        for known, told in self.held.refused:  # also by an earlier repeat
            if known == backend:
                model = told
        if isinstance(model, str):
            why = model
        else:
            try:
                return iter(ask_all(model, asked, self._how(repeat), self.tick))
            except BenchError as error:
                why = self._stopped(backend, error)
            except Exception as error:
                why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return iter([Reading("failed", None, error=why)] * len(asked))

    def _how(self, repeat: int) -> How:
        jury = self.jury
        decoding = Decoding(
            max_new_tokens=jury.max_new_tokens,
            temperature=jury.temperature,
            seed=jury.seed + repeat - 1,
        )
        return How(decoding, jury.template, jury.method)

    def _vote(self, member: int, parts: Sequence[Reading]) -> Vote:
        one = self.jury.combine(parts)
        return Vote(
            member=self.jury.members[member].name,
            value=one.value,
            label=one.label,
            rationale=one.reason,
            error=one.error,
            tokens_in=sum(part.tokens_in for part in parts),
            tokens_out=sum(part.tokens_out for part in parts),
            cost=sum(part.cost for part in parts),
        )

    def _verdict(self, at: int, votes: Sequence[Vote], sampled: bool) -> Verdict:
        item, jury = self.items[at], self.jury
        marks = jury.marks()
        if len(votes) == 1:  # its own word for it, such as "3 of 4"
            marks = {votes[0].value: votes[0].label} if votes[0].value is not None else {}
        found = tally(votes, jury.vote, marks)
        return Verdict(
            example_id=item.example.id,
            judge=jury.signature,
            candidates=tuple(generation.candidate for generation in item.generations),
            value=found.value,
            label=found.label,
            rationale=votes[0].rationale,
            error=found.error,
            votes=tuple(votes),
            full=sampled,
        )
