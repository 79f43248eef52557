"""The batch script: read by bash, and run with stand-ins for SLURM's and Ray's commands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from benchmark.errors import ConfigError
from benchmark.slurm import Wanted, script

FAKES = {
    "scontrol": 'printf "n1\\nn2\\n"',
    # srun says where it was sent and does it here.
    "srun": """while [[ $1 == --* ]]; do [[ $1 == --nodelist=* ]] && node=${1#*=}; shift; done
echo "srun ${node:-all} $*" >> "$CALLS"
exec "$@\"""",
    "ray": """case $1 in
start) touch "$CALLS.$$"; trap 'echo "ray ended" >> "$CALLS"; exit 0' TERM
  while :; do sleep 0.05; done ;;
status) ls "$CALLS".* >/dev/null || exit 1; for _ in "$CALLS".*; do echo " 1 node_abc"; done ;;
esac""",
    "bench": """echo "bench $* at $RAY_ADDRESS" >> "$CALLS"
[ -z "$WAITS" ] && exit 3
trap 'echo "bench interrupted" >> "$CALLS"; exit 130' INT
while :; do sleep 0.05; done""",
    "sleep": "exec /bin/sleep 0.05",
}


@pytest.fixture
def job(tmp_path):
    """Write the script and its surroundings; return what starts it and what was called."""
    (tmp_path / "bin").mkdir()
    for name, body in FAKES.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(0o755)
    text = script("my suite.yaml", ["seed=3"], Wanted(nodes=2))
    (tmp_path / "job.sh").write_text(text)
    calls = tmp_path / "calls"

    def start(waits=""):
        settings = {
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "CALLS": str(calls),
            "WAITS": waits,
            "SLURM_JOB_ID": "20017",
            "SLURM_JOB_NODELIST": "n[1-2]",
            "SLURM_CPUS_PER_TASK": "2",
        }
        command = ["bash", str(tmp_path / "job.sh")]
        return subprocess.Popen(command, env={**os.environ, **settings})

    return start, lambda: calls.read_text().splitlines() if calls.exists() else []


def test_nodes_come_then_bench_then_all_is_cleared_away(job):
    start, calls = job
    assert start().wait(timeout=30) == 3  # bench's own exit code
    lines = calls()
    first, second, *rest = lines
    assert first.startswith("srun n1 ray start --block --disable-usage-stats --num-cpus=2")
    assert " --head --port=20017 " in first
    assert second.startswith("srun n2 ray start ") and second.endswith(" --address=n1:20017")
    assert rest[0] == "bench run my suite.yaml seed=3 --executor ray at n1:20017"
    folder = first.rpartition("--temp-dir=")[2]
    assert sorted(rest[1:]) == ["ray ended", "ray ended", f"srun all rm -rf {folder}"]
    assert not Path(folder).exists()


def test_the_end_of_a_job_interrupts_bench_and_clears_away(job):
    start, calls = job
    running = start(waits="yes")
    while not any(line.startswith("bench run") for line in calls()):
        time.sleep(0.02)
    time.sleep(0.2)  # the stand-in has to set its trap
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=30) == 130
    assert "bench interrupted" in calls()
    assert calls().count("ray ended") == 2


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(nodes=4, gpus_per_node=8, partition="a,b")])
def test_bash_and_shellcheck_find_nothing(wanted):
    text = script("suites/legi.yaml", ["candidates.lora.train.r=[8, 16]"], wanted)
    assert "'candidates.lora.train.r=[8, 16]'" in text
    checks = [["bash", "-n"]]
    if shutil.which("shellcheck"):
        checks.append(["shellcheck", "-"])
    for command in checks:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (Wanted(time="soon"), "--time 'soon' is no time of SLURM"),
        (Wanted(partition="a b"), "'--partition=a b' cannot stand in a batch script"),
        (Wanted(more=("x=$(rm)",)), "cannot stand in a batch script"),
        (Wanted(account="a\nrm"), "cannot stand in a batch script"),
    ],
)
def test_what_slurm_would_not_read_is_refused(wanted, line):
    with pytest.raises(ConfigError) as caught:
        script("s.yaml", [], wanted)
    assert line in str(caught.value)
