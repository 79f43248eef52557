"""Runs in Weights & Biases. Its own variables (`WANDB_MODE`, `WANDB_PROJECT`, ...) say where.

The library would also send the machine's name, the user's, the program's code and the changes in
the checkout. All of that is turned off: what is sent is what `content` lists.
"""

from __future__ import annotations

import os
from typing import Any

from benchmark.errors import BenchError
from benchmark.trackers.content import Content, first_line, library, name_of

_LONGEST = 64
"""Characters of a tag."""


def send(content: Content, experiment: str) -> str:
    """Send a run; the same run again goes on in its place.

    Returns:
        Where it is, in words.

    Raises:
        MissingDependency: wandb is not installed.
        BenchError: wandb refuses, or cannot be reached.
    """
    # On a busy machine its helper process needs longer to start than its own default allows.
    os.environ.setdefault("WANDB_X_SERVICE_WAIT", "120")
    wandb = library("wandb")
    try:
        return _sent(wandb, content, os.environ.get("WANDB_PROJECT") or experiment)
    except Exception as error:
        raise BenchError(
            f"wandb: {first_line(error)}",
            hint="`wandb login` or WANDB_API_KEY says who you are; WANDB_MODE=offline needs nobody",
        ) from error


def _sent(wandb: Any, content: Content, project: str) -> str:
    settings = wandb.Settings(
        console="off",
        disable_code=True,
        disable_git=True,
        host="-",  # else the name of this machine
        save_code=False,
        silent=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
    run = wandb.init(
        project=project.replace("/", "_")[:128],
        id=content.key,
        resume=None if _is_offline() else "allow",
        name=content.name,
        job_type="evaluation",
        config={**content.parameters, **content.tags},
        tags=sorted({value[:_LONGEST] for value in _labels(content)}),
        settings=settings,
    )
    try:
        run.summary.update(content.metrics)
        artifact = wandb.Artifact(
            name_of(content.name).replace("/", "_").replace(" ", "_"), "report"
        )
        for name, path in content.files.items():
            artifact.add_file(str(path), name=name)
        run.log_artifact(artifact)
    except BaseException:
        run.finish(exit_code=1)
        raise
    where = run.dir if _is_offline() else run.url
    run.finish()
    return f"run {content.key} in {project!r} ({where})"


def _labels(content: Content) -> list[str]:
    names = ("bench.suite", "bench.verdict", "bench.commit")
    return [content.tags[name] for name in names if content.tags.get(name)]


def _is_offline() -> bool:
    return os.environ.get("WANDB_MODE", "").lower() in ("offline", "dryrun", "disabled")
