"""Training one adapter, top to bottom: data, network, trainer, resume, save."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

from benchmark.devices import Peak, Placement, placement
from benchmark.errors import CandidateError
from benchmark.manifests import TrainingManifest
from benchmark.models import local_model
from benchmark.progress import Progress
from benchmark.records import Example
from benchmark.training import checkpoints, manifest, memory, parallel, saving, speed, together
from benchmark.training.account import Started, account
from benchmark.training.arguments import arguments, check_trackers, outlive
from benchmark.training.data import Rows, tokenise
from benchmark.training.job import Job, processes
from benchmark.training.methods import check, goes_on, may_checkpoint
from benchmark.training.network import keep_precise, network, tokenizer_of
from benchmark.training.pieces import Pieces


def train(job: Job, folder: Path, work: Path, progress: Progress) -> TrainingManifest:
    """Train an adapter and write it, with its manifest, into `folder` (which exists).

    Args:
        job: What to train.
        folder: Where the finished adapter goes.
        work: Where checkpoints are kept until then; a training that was killed goes on from the
            last whole one it finds there. Removed at the end.
        progress: Where the steps show themselves.

    Raises:
        FetchError: The base model cannot be fetched.
        MissingDependency: The method needs a package that is not installed.
        CandidateError: Nothing to learn from, a method that does not fit, a loss that is not a
            number, or no memory.
    """
    from benchmark.training.callbacks import Saver, Watcher

    base = local_model(job.model, progress)
    started = _start(job, base.path, work)
    trainer, pieces = started.trainer, started.pieces
    found = together.told(_last(job, started, work) if together.rank() == 0 else None)
    before = found[1] if found else {}
    _take_up(pieces, before, job)
    clock = time.perf_counter()

    def facts() -> dict[str, Any]:
        spent = before.get("seconds", 0.0) + time.perf_counter() - clock
        resumed = before.get("resumed", 0) + bool(found)
        real, computed = together.summed([pieces.real, pieces.computed])
        counts = vars(pieces) | {"real": real, "computed": computed}
        return {"seconds": spent, "resumed": resumed, "pieces": counts}

    label = f"train {job.spec.method} on {len(started.rows.rows)} rows"
    label = f"{job.name}: {label}" if job.name else label
    with (
        progress.step(label, total=started.steps, unit="steps", estimate=job.estimate) as tick,
        Peak(started.place.device) as peak,
        _clear_errors(started),
    ):
        saver = Saver(job.spec.save_seconds if goes_on(job.spec) else math.inf)
        trainer.add_callback(Watcher(tick, saver, facts))
        trainer.train(resume_from_checkpoint=str(found[0]) if found else None)
    made = facts()
    saving.save(trainer, started.place, job, folder)
    record = None
    if together.rank() == 0:
        record = account(started, base, made, folder, peak.bytes)
        manifest.write(folder, record)
        shutil.rmtree(work, ignore_errors=True)
    return cast("TrainingManifest", together.told(record))


def _last(job: Job, started: Started, work: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the checkpoint to go on from; one process looks, since it moves folders about."""
    if not goes_on(job.spec):
        shutil.rmtree(work, ignore_errors=True)
    # Resumed at the last step of part of an epoch, transformers would train one more.
    return checkpoints.latest(work, below=started.steps if job.spec.epochs % 1 else math.inf)


def _start(job: Job, base: Path, work: Path) -> Started:
    """Build rows, network and trainer."""
    from transformers import PrinterCallback, set_seed

    check(job.spec)
    check_trackers(job.spec.report_to)
    asked = job
    place, tokenizer = placement(job.dtype, training=True), tokenizer_of(base)
    rows, watched = _rows(job, tokenizer)
    job = job.for_rows(rows)
    steps = job.steps(len(rows.rows))
    set_seed(job.spec.seed or 0)  # before the adapter's random start
    model = network(base, place, job.spec, steps)
    if not job.is_sharded:  # whole, it may not fit
        model.to(place.device)
    longest = max(map(length_of, [*rows.rows, *watched.rows]))
    fits = _budget(job, model, place, longest)
    work_ahead = 4.0 * rows.tokens * job.spec.epochs * sum(p.numel() for p in model.parameters())
    compiled = speed.may_compile(job.spec, place, steps, processes(), work_ahead)
    pieces = _pieces(job, model, fits.tokens)
    if place.device == "cuda" and not job.is_dpo:
        speed.pack(pieces, model, longest, compiled=compiled)
    settings = arguments(
        job, work, place, watched=bool(watched.rows), checkpointing=fits.checkpointing
    )
    if not job.is_dpo and job.is_uniform:
        settings |= _uniform(settings, pieces, longest)
    make = _by_preference if job.is_dpo else _by_example
    trainer = make(job, model, tokenizer, (rows, watched), settings, pieces)
    parallel.keep_precise(trainer)
    trainer.remove_callback(PrinterCallback)  # it would print each step on stdout
    outlive(trainer, job)
    keep_precise(model)
    if compiled:
        tokens = job.step_rows * rows.tokens / len(rows.rows)
        bound = tokens < speed.LAUNCH_BOUND and not fits.checkpointing and place.device == "cuda"
        compiled = speed.compile_layers(model, launch_bound=bound)
    return Started(
        asked, trainer, pieces, rows, place, fits.checkpointing, compiled, steps, longest
    )


def _rows(job: Job, tokenizer: Any) -> tuple[Any, Any]:
    """Return the training and the validation rows, as the job's objective learns them."""
    if job.is_dpo:
        from benchmark.training.preferences import sides

        found = sides(job, tokenizer)
        return found.train, found.validation
    rows, watched = tokenised(job, job.train, tokenizer), tokenised(job, job.validation, tokenizer)
    if not rows.rows:
        raise CandidateError(
            f"no training row has an answer within {job.spec.max_length} tokens",
            hint="raise train.max_length or the train side of `split:`",
        )
    return rows, watched


def _by_example(
    job: Job, model: Any, tokenizer: Any, rows: tuple[Rows, Rows], settings: Any, pieces: Pieces
) -> Any:
    from datasets import Dataset
    from trl import SFTConfig

    from benchmark.training.batches import Collate
    from benchmark.training.processor import suit
    from benchmark.training.trainer import PieceTrainer

    train, watched = rows
    args = SFTConfig(**settings, max_length=None, dataset_kwargs={"skip_prepare_dataset": True})
    try:
        trainer = PieceTrainer(
            model=model,
            args=args,
            train_dataset=Dataset.from_list(_numbered(train)),
            eval_dataset=Dataset.from_list(_numbered(watched)) if watched.rows else None,
            data_collator=Collate(tokenizer.pad_token_id),
            processing_class=tokenizer,
            callbacks=_stoppers(job, bool(watched.rows)),
            pieces=pieces,
            names=train.ids,
            checkpoint_when_needed=may_checkpoint(job.spec) == "auto",
        )
    except ValueError as error:  # trl's word: an adapter on the head, for one
        text = " ".join(str(error).split())
        raise CandidateError(f"{job.spec.method} cannot be trained: {text[:300]}") from error
    if args.use_cpu and not job.is_sharded:
        suit(model)
    return trainer


def _by_preference(
    job: Job, model: Any, tokenizer: Any, rows: Any, settings: Any, pieces: Pieces
) -> Any:
    from benchmark.training import dpo
    from benchmark.training.preferences import Sides

    train, watched = rows
    # trl does the step here.
    settings |= _uniform(settings, pieces, 2 * max(map(length_of, train.rows)))
    callbacks = _stoppers(job, bool(watched.rows))
    return dpo.trainer(model, tokenizer, Sides(train, watched), settings, job.spec, callbacks)


def _uniform(settings: dict[str, Any], pieces: Pieces, longest: int) -> dict[str, Any]:
    """Cut the rows of a step the classical way, into batches of as many rows each.

    For where a step is not done by our trainer, or not cut by it.
    """
    at_once = max(1, min(pieces.rows, pieces.tokens // longest))
    share = settings["per_device_train_batch_size"]
    accumulation = next(n for n in range(1, share + 1) if share % n == 0 and share // n <= at_once)
    pieces.tokens = longest * (share // accumulation)
    return {
        "per_device_train_batch_size": share // accumulation,
        "gradient_accumulation_steps": accumulation,
    }


def length_of(row: dict[str, list[int]]) -> int:
    """Return the tokens of a row; of a pair, those of the prompt with its longer answer."""
    if "input_ids" in row:
        return len(row["input_ids"])
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))


def tokenised(job: Job, examples: Sequence[Example], tokenizer: Any) -> Rows:
    """Return examples as the job's objective learns them."""
    spec = job.spec
    objective: Literal["sft", "text"] = "text" if spec.objective == "text" else "sft"
    return tokenise(
        examples, job.template, tokenizer, spec.max_length, objective=objective, learn=spec.learn
    )


def _numbered(rows: Rows) -> list[dict[str, Any]]:
    return [{**row, "row": number} for number, row in enumerate(rows.rows)]


def _budget(job: Job, model: Any, place: Placement, longest: int) -> memory.Budget:
    """Return what fits in every process: all have to do the same."""
    found = together.everybodys(
        memory.budget(
            model,
            place.device,
            longest,
            may_checkpoint(job.spec),
            sharded=job.is_sharded,
        )
    )
    return memory.Budget(
        min(budget.tokens for budget in found), any(budget.checkpointing for budget in found)
    )


def _pieces(job: Job, model: Any, tokens: int) -> Pieces:
    at_once = job.spec.micro_batch
    prompt_learning = getattr(
        getattr(model, "active_peft_config", None), "is_prompt_learning", False
    )
    return Pieces(
        tokens=min(tokens if at_once == "auto" else 2**62, job.room or 2**62),
        rows=job.step_rows if at_once == "auto" else at_once,
        masked=bool(prompt_learning),
        out_of_memory=job.out_of_memory,
    )


def _stoppers(job: Job, watched: bool) -> list[Any]:
    from transformers import EarlyStoppingCallback

    if not (watched and job.spec.patience):
        return []
    return [EarlyStoppingCallback(early_stopping_patience=job.spec.patience)]


def _take_up(pieces: Pieces, before: dict[str, Any], job: Job) -> None:
    """Go on with what the checkpoint knows of cutting rows."""
    for name, value in before.get("pieces", {}).items():
        if name != "masked":
            setattr(pieces, name, value)
    if together.rank():
        pieces.real = pieces.computed = 0  # the first process goes on with the sum of all
    if job.room:
        pieces.tokens = min(pieces.tokens, job.room)
        pieces.out_of_memory = max(pieces.out_of_memory, job.out_of_memory)


@contextmanager
def _clear_errors(started: Started) -> Iterator[None]:
    """Turn a lack of memory outside the steps (validation, optimizer) into one clear line."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not memory.is_out_of_memory(error):
            raise
        tokens = min(started.pieces.tokens, started.rows.tokens)
        raise memory.OutOfMemory(tokens, single=tokens <= started.longest) from error
