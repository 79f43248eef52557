"""`bench slurm`: a batch script that runs a suite on several nodes."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import debug_option


@click.command("slurm")
@click.argument("suite", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--nodes", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--gpus-per-node", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--cpus-per-task", type=click.IntRange(min=1), default=8, show_default=True)
@click.option("--time", "limit", default="04:00:00", show_default=True, metavar="HH:MM:SS")
@click.option("--partition", default="", metavar="NAME")
@click.option("--account", default="", metavar="NAME")
@click.option("--sbatch", "more", multiple=True, metavar="KEY=VALUE", help="Any other option.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@debug_option
def command(suite: Path, overrides: tuple[str, ...], output: Path | None, **asked: object) -> int:
    r"""Print a ready sbatch script that runs SUITE on a Ray cluster of its own.

    \b
    One GPU box:    bench run SUITE
    Eight GPUs:     bench run SUITE --executor ray
    SLURM:          bench slurm SUITE --nodes 4 --gpus-per-node 8 -o job.sh && sbatch job.sh
    Other clusters: `ray start --head` on one node, `ray start --address=HEAD:6379` on the
                    others, then on the first: bench run SUITE --executor ray

    Each worker has one GPU (or, where there is none, the cores that one process computes
    with). Results are the same bytes as those of one process on such a node.
    """
    from benchmark.errors import ConfigError
    from benchmark.files import write_text
    from benchmark.slurm import Wanted, script
    from benchmark.suite_file import load_suite

    load_suite(suite, overrides)  # a slip shows now, not after hours in a queue
    wanted = Wanted(
        nodes=int(str(asked["nodes"])),
        gpus_per_node=int(str(asked["gpus_per_node"])),
        cpus_per_task=int(str(asked["cpus_per_task"])),
        time=str(asked["limit"]),
        partition=str(asked["partition"]),
        account=str(asked["account"]),
        more=tuple(map(str, asked["more"] if isinstance(asked["more"], tuple) else ())),
    )
    text = script(str(suite), overrides, wanted)
    if output is None:
        click.echo(text, nl=False)
        return 0
    try:
        write_text(output, text)
    except OSError as error:
        raise ConfigError(f"cannot write {output}: {error.strerror}") from error
    return 0
