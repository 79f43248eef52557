"""`bench push`: a finished run, sent to an experiment tracker."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.common import debug_option, reports_option


@click.command("push")
@click.argument("run", required=False)
@click.option("--to", required=True, metavar="mlflow|wandb", help="The tracker.")
@click.option(
    "--experiment", metavar="NAME", help="Its experiment or project; by default the suite's name."
)
@reports_option
@debug_option
def command(run: str | None, to: str, experiment: str | None, reports: Path) -> int:
    """Send RUN to MLflow or Weights & Biases: parameters, numbers with intervals, reports.

    RUN is a run folder, a run id or the end of one, a suite's name, or "latest" (the default).
    The tracker's own environment variables say where and as whom: MLFLOW_TRACKING_URI,
    WANDB_MODE, WANDB_API_KEY and so on. Nothing of them is written anywhere.

    Example: MLFLOW_TRACKING_URI=http://localhost:5000 bench push legi --to mlflow
    """
    from benchmark.core.finished import find_run
    from benchmark.core.push import push

    click.echo(f"{to}: {push(find_run(reports, run), to, experiment)}")
    return 0
