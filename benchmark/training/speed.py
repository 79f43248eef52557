"""What makes a GPU busy: rows packed into lines of one length, and compiled layers.

Measured on an H200 with the shape of Qwen2.5-3B and the reference's LoRA (`perf/README.md`): a
step of 8 rows leaves the GPU idle most of the time, since launching its thousands of small
kernels takes longer than running them. Compiling the layers and replaying them as CUDA graphs
takes the launches away. Only one layer is compiled, since all are alike: seconds, not minutes.
"""

from __future__ import annotations

from typing import Any

from benchmark.devices import Placement
from benchmark.suite import TrainSpec
from benchmark.training.pieces import Pieces

WORTH = 400
"""Optimizer steps from which on compiling pays: it costs about 15 s for each of a few shapes."""

WORTH_OPERATIONS = 2e16
"""The same for few and large steps, where it takes away less: operations of all of them."""

LAUNCH_BOUND = 8_192
"""Tokens of a step below which launching takes longer than computing, on a large GPU."""

SHAPES = 6
"""About how many numbers of lines a compiler may see."""

NOISE = 0.25
"""Rows are kept apart if what is left of one's effect on the other is below this share."""


def may_compile(
    spec: TrainSpec, place: Placement, steps: int, processes: int, operations: float
) -> bool:
    """Tell whether the layers are to be compiled.

    Decided by the plan alone, so that the same command trains the same way again.

    Args:
        spec: What the suite asks for.
        place: Where it trains.
        steps: Optimizer steps.
        processes: How many processes train together.
        operations: Of the whole training: 4 a weight and token with an adapter.
    """
    if spec.compile != "auto":
        return spec.compile
    plain = spec.method.lower() != "qlora" and spec.objective != "dpo" and processes == 1
    long = steps >= WORTH or operations >= WORTH_OPERATIONS
    return plain and place.device == "cuda" and long


def pack(pieces: Pieces, model: Any, longest: int, *, compiled: bool) -> None:
    """Let rows share lines, if this model keeps them apart there.

    Args:
        pieces: How rows are cut; changed.
        model: The network, in memory.
        longest: Tokens of the longest row; the lines get this length.
        compiled: Whether the layers are compiled.
    """
    if pieces.masked or not keeps_apart(model):
        pieces.overhead = 2_048  # a pass on a GPU costs as much as so many tokens
        return
    pieces.line = longest
    if compiled:
        pieces.steady = True
        most = min(pieces.rows, max(1, pieces.tokens // longest))
        pieces.lines = max(1, most // SHAPES)


def keeps_apart(model: Any) -> bool:
    """Tell whether two rows in one line give what each gives alone.

    Asked of the model itself, by two short rows: most attention follows the positions, but
    recurrent layers and positions by distance to the line's end do not.
    """
    import torch

    network = getattr(model, "get_base_model", lambda: model)().base_model
    dice = torch.Generator().manual_seed(0)
    ids = torch.randint(0, int(model.config.get_text_config().vocab_size), (1, 24), generator=dice)
    where = torch.cat([torch.arange(10), torch.arange(14)])[None]
    device = next(model.parameters()).device
    ids, where = ids.to(device), where.to(device)
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device != "cpu"):
            both = network(input_ids=ids, position_ids=where, use_cache=False)[0].float()
            alone = network(input_ids=ids[:, 10:], use_cache=False)[0].float()
            mixed = network(input_ids=ids, use_cache=False)[0].float()
    except (TypeError, ValueError, RuntimeError, NotImplementedError):
        # It takes no positions. A failure of another kind is not hidden: rows are then padded, and
        # the first step meets it again.
        return False
    finally:
        model.train(training)
    # Measured by what two rows do to each other that are not kept apart: of a model that does not
    # look far, and by 16 bits, each is small.
    seen, unkept = ((found[:, 10:] - alone).norm() for found in (both, mixed))
    return bool(seen < NOISE * unkept)


def compile_layers(model: Any, *, launch_bound: bool) -> bool:
    """Compile the layers that a model repeats, in place; tell whether there are any.

    Args:
        model: The network.
        launch_bound: Whether to replay them as CUDA graphs.
    """
    import torch

    layers = repeated(model)
    if not layers:
        return False
    torch._dynamo.config.cache_size_limit = 64  # a few shapes, with and without gradients
    mode = "reduce-overhead" if launch_bound else "default"
    for layer in layers:
        layer.compile(dynamic=False, mode=mode)
    return True


def repeated(model: Any) -> list[Any]:
    """Return the layers that a model repeats: the largest list of modules of one kind."""
    import torch

    found: list[Any] = []
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) > max(1, len(found)):
            found = list(module) if len({type(item) for item in module}) == 1 else found
    return found
