"""How long a large HTML report takes to write and to open: `python perf/report.py`.

Makes up a run (10,000 samples, five candidates, 14 numbers, answers of some 100 words), writes
its report and opens it in a headless chromium, three times. Prints seconds to write it, the peak
of memory beyond what the run itself holds, sizes, first paint, and when the samples can be used.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reporters")]

from conftest import CONTROLS, NAMES, SCORES, build_report  # noqa: E402

from benchmark.plugins import Report  # noqa: E402
from benchmark.records import CitedArticle, Example, Generation, Message, Score  # noqa: E402
from benchmark.reporters.html import Html  # noqa: E402

OPENINGS = 3
WORDS = "la le de article code travail délai employeur salarié demande décision contrat".split()


def made_up(folder: Path, count: int, words: int) -> Report:
    """Return a run of so many examples."""
    report, rng = build_report(folder), random.Random(1)
    lexicon = WORDS * 20 + [f"mot{place}" for place in range(3_000)]
    names = [name for name in NAMES if name not in CONTROLS] + ["oracle", "shuffled"]
    examples, scores = [], []
    generations: dict[str, list[Generation]] = {name: [] for name in names}
    for place in range(count):
        reference = " ".join(rng.choices(lexicon, k=words))
        example = Example(
            id=f"LEGIARTI{place:012d}", references=(reference,), group=f"cid-{place // 2}",
            prompt=(Message(role="user", content=f"Que dit l'article {place} ?"),),
            meta={"code": f"code {place % 5}"},
        )  # fmt: skip
        examples.append(example)
        for name in names:
            text = f"Selon L. {place}-1, " + " ".join(rng.choices(lexicon, k=words))
            generations[name].append(
                Generation(example_id=example.id, candidate=name, text=text, tokens_out=2 * words)
            )
            cite = CitedArticle(
                text=f"L. {place}-1", start=6, end=6 + len(f"L. {place}-1"), number=f"L{place}-1",
                code="code", verdict="invented" if rng.random() < 0.1 else "in force",
                reason="As of the first of January.",
            )  # fmt: skip
            for score, (metric, _, _) in SCORES.items():
                scores.append(
                    Score(
                        example_id=example.id, candidate=name, metric=metric, stats=(1.0,),
                        values={score: rng.random()},
                        citations=(cite,) if score == "citation_accuracy" else (),
                    )
                )  # fmt: skip
    kept = tuple(one for one in report.results.candidates if one.name in names)
    results = report.results.model_copy(update={"candidates": kept})
    return Report(results, examples, generations, scores, folder)


def opened(file: Path) -> tuple[float, float]:
    """Open a report; return milliseconds to the first paint, and until samples can be used."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-samples=ready]")
        ready = page.evaluate("performance.now()")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        browser.close()
    return paint, ready


def peak() -> float:
    """Return the most memory this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[500, 10_000])
    parser.add_argument("--words", type=int, default=100)
    asked = parser.parse_args()
    print("| samples | written, s | of them busy, s | memory of the run, MB | beyond it, MB "
          "| page, MB | files beside it, MB | first paint, ms | samples usable, ms |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for count in asked.samples:
        with tempfile.TemporaryDirectory() as folder:
            report = made_up(Path(folder), count, asked.words)
            before, started, busy = peak(), time.perf_counter(), time.process_time()
            file = Html().write(report)
            seconds, busy = time.perf_counter() - started, time.process_time() - busy
            beyond = peak() - before
            beside = sum(one.stat().st_size for one in Path(folder).glob("report-samples/*"))
            times = [opened(file) for _ in range(OPENINGS)] if shutil.which("chromium") else []
            paint, ready = map(statistics.median, zip(*times, strict=True)) if times else (0, 0)
            size = file.stat().st_size
            paint, ready = round(paint), round(ready)
            print(f"| {count:,} | {seconds:.1f} | {busy:.1f} | {before:.0f} | {beyond:.0f} "
                  f"| {size / 1e6:.2f} | {beside / 1e6:.1f} | {paint} | {ready} |")  # fmt: skip


if __name__ == "__main__":
    main()
