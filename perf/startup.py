"""How long the command line takes to start: `python perf/startup.py`.

Prints the median of five runs of each command, beside bare Python's, in milliseconds. No test
measures time; what keeps `bench --help` under 200 ms is the list of packages it may import, in
tests/test_architecture.py.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 5
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import click'": ["-c", "import click"],
    "python -c 'import benchmark.cli'": ["-c", "import benchmark.cli"],
    "bench --help": ["-m", "benchmark", "--help"],
    "bench run --help": ["-m", "benchmark", "run", "--help"],
    "bench check suites/legi.yaml": ["-m", "benchmark", "check", "suites/legi.yaml"],
    "bench ls": ["-m", "benchmark", "ls"],
}


def milliseconds(arguments: list[str]) -> float:
    """Return the median wall time of a command."""
    times = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[1:])  # the first one fills the disk cache


def main() -> None:
    """Print the table."""
    print("| command | median of 5, ms |\n|---|---|")
    for name, arguments in COMMANDS.items():
        print(f"| `{name}` | {milliseconds(arguments):.0f} |")


if __name__ == "__main__":
    main()
