"""The live view on a real pseudo-terminal, read back by a terminal emulator."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pyte
import pytest

from benchmark.cli.course import Course, Step
from benchmark.cli.progress import Terminal
from benchmark.progress import Part, begin, spend

STAGES = ("data", "train", "generate", "judge")
PARTS = (
    Part("train", "lora", 40.0), Part("train", "old", 0.0), Part("train", "dora", 60.0),
    Part("generate", "base", 20.0), Part("judge"),
)  # fmt: skip

RUN = """
import os, sys
from benchmark.cli.progress import Terminal
from benchmark.progress import Part, begin, spend
parts = [Part("train", "lora", 40.0), Part("train", "dora", 60.0), Part("judge")]
with Terminal() as shown:
    begin(shown, "train", ("train", "judge"), parts)
    with shown.step("lora: train \\x1b[2J\\x1b]0;hacked\\x07", total=10, unit="tok") as tick:
        shown.say("said \\x1b]8;;https://bait.invalid/\\x07link \\u202egnp.exe\\rFAKE\\u200b")
        tick(4, note="\\x1b[31mred")
        spend(shown, 0.25)
        with shown.step("inner", total=3, unit="rows"):
            shown._window._live.refresh()
            print("ready", flush=True)
            sys.stdin.readline()
"""


class Screen:
    """A child on a pseudo-terminal of a given size, and what its screen shows."""

    def __init__(self, width: int, **more: str) -> None:
        self.screen = pyte.Screen(width, 20)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        ours, theirs = pty.openpty()
        plain = {name: text for name, text in os.environ.items() if name not in ("NO_COLOR",)}
        self.child = subprocess.Popen(
            [sys.executable, "-c", RUN], stderr=theirs, stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            env={**plain, "COLUMNS": str(width), "LINES": "20", "TERM": "xterm-256color", **more},
        )  # fmt: skip
        os.close(theirs)
        self.ours = ours
        assert self.child.stdout is not None
        self.child.stdout.readline()
        self.read()

    def read(self) -> None:
        os.set_blocking(self.ours, False)
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            try:
                got = os.read(self.ours, 65_536)
            except BlockingIOError:
                time.sleep(0.01)
                continue
            except OSError:  # the child has gone
                break
            self.raw += got
            self.stream.feed(got)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def interrupt(self) -> int:
        self.child.send_signal(signal.SIGINT)
        code = self.child.wait(30)
        self.read()
        return code

    def close(self) -> None:
        self.child.kill()
        self.child.communicate()
        os.close(self.ours)


@pytest.fixture
def screens() -> Iterator[Callable[..., Screen]]:
    opened: list[Screen] = []

    def make(width: int, **more: str) -> Screen:
        opened.append(Screen(width, **more))
        return opened[-1]

    yield make
    for screen in opened:
        screen.close()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_view_fits_and_nothing_of_a_model_reaches_the_terminal(
    screens: Callable[..., Screen], width: int
) -> None:
    screen = screens(width)
    text = "\n".join(screen.lines)
    assert "[1/2] train 1/2 · judge" in text and "cost 0.25" in text
    assert ("4 / 10 tok" in text) and "inner" in text
    assert "FAKE" in text and "train ␛[2J" in text  # as text
    assert screen.screen.title == ""
    for bad in (b"\x1b[2J", b"\x1b]", b"\x07", "\u202e".encode(), "\u200b".encode(), b"\x1b[31m"):
        assert bad not in screen.raw
    assert screen.interrupt() != 0
    assert not any("train 1/2" in line for line in screen.lines)  # taken off the screen
    assert not screen.screen.cursor.hidden


def test_no_color_is_without_colour(screens: Callable[..., Screen]) -> None:
    import re

    screen = screens(80, NO_COLOR="1")
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", screen.raw)


def test_a_narrower_terminal_leaves_no_line_behind() -> None:
    # pyte cuts lines where terminals break them, so what is counted is how far up the view goes.
    from rich.console import Console

    console = Console(force_terminal=True, width=100, height=20, file=io.StringIO())
    shown = Terminal(console)
    with shown:
        begin(shown, "train", STAGES, PARTS)
        with shown.step("lora: " + "x" * 80, total=3, unit="steps"):
            live = shown._window._live
            assert live is not None
            live.refresh()
            drawn = list(live._view.drawn)
            console.width = 40
            live.process_renderables([])
            assert live._live_render._shape[1] == sum(-(-wide // 40) for wide in drawn) > 2


def test_time_left_counts_what_is_known_and_names_what_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("benchmark.cli.course.time.monotonic", lambda: now)
    course = Course()
    course.stage("train", STAGES, PARTS)
    assert course.left == (120.0, ("judge",)) and course.place == (0, 0)
    step = Step("lora: train", 10, "steps", 40.0, 0, started=now)
    course.open(step)
    assert course.place == (1, 2) and course.number == (2, 4)
    now = 120.0  # 20 of 40 seconds, and by its marks 1 unit in 10 seconds: 8 left
    step.tick(1, "", None)
    now = 130.0
    step.tick(1, "", None)
    assert step.speed == pytest.approx(0.1)
    # done 2 of 10: 80 % by speed (80 s), 20 % by the estimate (10 s).
    assert step.left == pytest.approx(0.8 * 80 + 0.2 * 10)
    now = 180.0
    course.close(step)  # it took twice the estimate, so will the next
    assert course.left == (60.0 * 2 + 20.0, ("judge",))
    course.stage("generate", STAGES, PARTS)
    assert course.left == (20.0, ("judge",))
    course.stage("judge", STAGES, PARTS)
    assert course.left == (0.0, ("judge",))
    course.open(Step("judge: 5 answers", 5, "vote", 7.0, 0, started=now))
    assert course.left == (7.0, ())
    course.stage("", STAGES, PARTS)
    assert course.left is None and course.number == (0, 0)


def test_a_progress_that_wants_no_stages_is_told_nothing() -> None:
    from benchmark.progress import Silent

    begin(Silent(), "train", STAGES, PARTS)
    spend(Silent(), 1.0)
