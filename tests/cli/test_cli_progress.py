"""Progress as it is shown: on a terminal, and where there is none."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchmark.cli.progress import Terminal
from benchmark.cli.said import amount, friendly


def terminal(is_terminal):
    output = io.StringIO()
    console = Console(file=output, force_terminal=is_terminal, width=100, highlight=False)
    return Terminal(console), output


@pytest.mark.parametrize("is_terminal", [True, False])
def test_steps_may_stand_in_one_another_and_follow_one_another(is_terminal):
    shown, output = terminal(is_terminal)
    for _ in range(2):
        with shown.step("outer [red]", total=2, unit="rows", estimate=120) as outer:
            with shown.step("inner", unit="B") as inner:
                inner(5_000_000, total=10_000_000)
                shown.say("[bold]said[/bold]")
            outer(1, note="loss [/x] 1.5")
    text = output.getvalue()
    assert text.count("outer [red]: about 2 min") == 2
    assert text.count("[bold]said[/bold]") == 2


def test_a_step_that_fails_closes_its_bar():
    shown, _ = terminal(True)
    with pytest.raises(KeyboardInterrupt), shown.step("one"), shown.step("two"):
        raise KeyboardInterrupt
    with shown.step("three"):
        pass
    assert shown.course.steps == []


def test_without_a_terminal_long_steps_say_how_far_they_are(monkeypatch):
    monkeypatch.setattr("benchmark.cli.progress.LONG", 0.0)
    shown, output = terminal(False)
    with shown.step("train", total=4, unit="steps") as tick:
        tick(1, note="loss 2.500")
        tick(1)
    assert output.getvalue().splitlines() == [
        "train: 1 of 4 steps loss 2.500",
        "train: 2 of 4 steps loss 2.500",
    ]


def test_quantities_and_durations_for_people():
    assert amount(12_600_000, "B") == "12.6 MB"
    assert amount(4096, "tok") == "4,096 tok"
    assert [friendly(s) for s in (0.2, 45, 150, 5400)] == ["1 s", "45 s", "2 min", "1 h 30 min"]
