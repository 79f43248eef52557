"""A batch script for SLURM: Ray on all nodes of a job, and one `bench run` that uses them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.errors import ConfigError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,@:/+=-]*")
"""What may stand behind `#SBATCH --key=`: no space and nothing that a shell reads."""

TIME = re.compile(r"\d+|\d+:\d\d(:\d\d)?|\d+-\d+(:\d\d){0,2}")


@dataclass(frozen=True)
class Wanted:
    """What a job asks SLURM for."""

    nodes: int = 1
    gpus_per_node: int = 0
    cpus_per_task: int = 8
    time: str = "04:00:00"
    partition: str = ""
    account: str = ""
    more: tuple[str, ...] = ()
    """Further `#SBATCH` options, as `key=value` or `key`."""


def script(suite: str, overrides: Sequence[str], wanted: Wanted) -> str:
    """Return the text of a batch script.

    Raises:
        ConfigError: A value that SLURM would not understand.
    """
    call = shlex.join(["bench", "run", suite, *overrides, "--executor", "ray"])
    return _SCRIPT.replace("@OPTIONS@", "\n".join(_options(wanted))).replace("@CALL@", call)


def _options(wanted: Wanted) -> list[str]:
    if not TIME.fullmatch(wanted.time):
        raise ConfigError(
            f"--time {wanted.time!r} is no time of SLURM", hint="write HH:MM:SS or D-HH:MM:SS"
        )
    pairs = {
        "job-name": "bench",
        "nodes": str(wanted.nodes),
        "ntasks-per-node": "1",
        "cpus-per-task": str(wanted.cpus_per_task),
        "time": wanted.time,
        "partition": wanted.partition,
        "account": wanted.account,
        "gpus-per-node": str(wanted.gpus_per_node or ""),
        "output": "bench-%j.log",
        "signal": "B:INT@120",  # two minutes before the end: stop, so that the next job goes on
    }
    lines = [f"#SBATCH --{name}={value}" for name, value in pairs.items() if value]
    lines += [f"#SBATCH --{option}" for option in wanted.more]
    for line in lines:
        if not NAME.fullmatch(line.removeprefix("#SBATCH --").replace("%j", "")):
            raise ConfigError(f"{line.removeprefix('#SBATCH ')!r} cannot stand in a batch script")
    return lines


_SCRIPT = """\
#!/usr/bin/env bash
# Send it with: sbatch FILE. The same script again goes on where a job was cut off.
# Every node needs the same Python environment; BENCH_CACHE (best on a disk that all nodes
# share), credentials and `module load` lines belong below, or into the environment of sbatch.
@OPTIONS@
set -euo pipefail

export RAY_USAGE_STATS_ENABLED=0
# Whoever reaches a Ray cluster can run code on it: only this job knows the word.
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_TOKEN
cpus=${SLURM_CPUS_PER_TASK:-1}
gpus=${SLURM_GPUS_ON_NODE:-0}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$cpus}

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
# A port of this job alone: several jobs may share a node.
port=$((20000 + SLURM_JOB_ID % 20000))
address=$head:$port
# Sockets have short names: not below a long TMPDIR.
folder=$(mktemp -d /tmp/rayXXXXXX)

started=()
bench=
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
  trap - EXIT
  if [ -n "$bench" ] && kill -INT "$bench" 2>/dev/null; then wait "$bench" || true; fi
  for step in "${started[@]}"; do kill "$step" 2>/dev/null || true; done
  wait || true
  srun --overlap --nodes="${#nodes[@]}" --ntasks-per-node=1 rm -rf "$folder" || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM

start() {
  local node=$1
  shift
  srun --nodes=1 --ntasks=1 --overlap --nodelist="$node" \\
    ray start --block --disable-usage-stats --num-cpus="$cpus" --num-gpus="$gpus" "$@" &
  started+=("$!")
}

start "$head" --head --port="$port" --include-dashboard=false --temp-dir="$folder"
for _ in $(seq 60); do
  if ray status --address="$address" >/dev/null 2>&1; then break; fi
  sleep 2
done
for node in "${nodes[@]:1}"; do
  start "$node" --address="$address"
done
# All nodes, or as many as have come after five minutes.
for _ in $(seq 150); do
  here=$(ray status --address="$address" 2>/dev/null | grep -c '^ *1 node_' || true)
  if [ "$here" -ge "${#nodes[@]}" ]; then break; fi
  sleep 2
done

# A shell without job control lets what it starts in the background ignore Ctrl-C.
set -m
RAY_ADDRESS=$address @CALL@ &
bench=$!
set +m
status=0
wait "$bench" || status=$?
bench=
exit "$status"
"""
