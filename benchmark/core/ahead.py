"""What a run still has to do and about how long it takes, told to whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.core import forgetting
from benchmark.core.estimate import Speeds
from benchmark.core.plan import Plan
from benchmark.core.preview import steps
from benchmark.core.state import Data
from benchmark.core.store import Cache
from benchmark.errors import BenchError
from benchmark.keys import key
from benchmark.manifests import TrainingManifest
from benchmark.progress import Part, Progress, Staged
from benchmark.training import manifest

TIMED = ("train", "generate", "forgetting")
"""Stages that have a part for each candidate."""


def stages(plan: Plan) -> list[str]:
    """Return the names of a run's stages, in order."""
    trains = any(one.spec.train or one.spec.adapter for one in plan.candidates)
    wanted = {
        "fetch": True,
        "data": True,
        "train": trains,
        "generate": True,
        "forgetting": bool(plan.suite.forgetting),
        "score": True,
        "judge": bool(plan.judges),
        "compare": True,
    }
    return [name for name, is_there in wanted.items() if is_there]


def parts(plan: Plan, data: Data, progress: Progress) -> Sequence[Part]:
    """Return what is ahead once the data are there; nothing where nobody watches."""
    if not isinstance(progress, Staged):
        return ()
    try:
        texts = forgetting.texts_of(plan, progress)
        found = list(steps(plan, data, texts, progress, _noted))
    except BenchError:
        return ()  # the stage that it concerns will say it, and fail or go on as it must
    ahead = []
    for step in found:
        stage, _, item = step.name.partition(" ")
        if stage in TIMED:
            seconds = 0.0 if step.state == "cached" else step.seconds
            ahead.append(Part(stage, item, seconds))
    # Whether texts were looked at before is known only when they are there.
    is_new = any(part.seconds != 0 for part in ahead if part.stage == "generate")
    for stage in ("score", "judge") if plan.judges else ("score",):
        known = Speeds(Cache()).seconds(_name(plan, stage), _texts(plan, data))
        ahead.append(Part(stage, seconds=known if is_new else None))
    return ahead


def remember(
    plan: Plan, data: Data, laps: Mapping[str, float], computed: Mapping[str, int]
) -> None:
    """Note how long scoring and judging took, where nothing of them was cached.

    Args:
        plan: What was done.
        data: All sides.
        laps: Stage -> seconds.
        computed: Step -> how many (candidate, metric or judge) pairs were computed.
    """
    judged = sum(len(getattr(one, "candidates", ()) or plan.candidates) - (one.arity == 2)
                 for one in plan.judges.values())  # fmt: skip
    whole = {"score": len(plan.metrics) * len(plan.candidates), "judge": judged}
    for stage, step in (("score", "scored"), ("judge", "judged")):
        if whole[stage] and computed[step] >= whole[stage]:
            Speeds(Cache()).remember(_name(plan, stage), _texts(plan, data), laps[stage])


def _texts(plan: Plan, data: Data) -> int:
    return len(plan.candidates) * len(data.test)


def _name(plan: Plan, stage: str) -> str:
    """Return the name by which a stage's speed is remembered."""
    plugins = plan.metrics if stage == "score" else plan.judges
    return f"{stage} {key(plugins=sorted(one.key for one in plugins.values()))}"


def _noted(name: str) -> TrainingManifest | None:
    """Return the manifest of a cached adapter, its weights unread: this is only an estimate."""
    folder = Cache().path("adapters", name)
    return manifest.read(folder) if folder.is_dir() else None
