"""Labels, calibration and votes: what is measured, what goes stale, what is refused."""

import json
import os

import pytest
from judging import Scripted, answers, examples, plan

from benchmark.agreement import kappa
from benchmark.core.calibration import (
    CalibrationFile,
    calibrate,
    default_path,
    in_run,
    read_calibration,
    write_calibration,
)
from benchmark.core.labelled import Answered
from benchmark.core.labels import Label, label_id, read_labels, to_label, write_labels
from benchmark.core.trust import judge_and_test
from benchmark.core.votes import agreement, member_of, panel
from benchmark.errors import DataError, StoreError
from benchmark.keys import sha256_of_file
from benchmark.ppi import ppi_mean
from benchmark.progress import Silent
from benchmark.records import Verdict, Vote
from benchmark.suite_file import load_suite

ROWS = examples(40, per_group=2)
SCALE = (1.0, 5.0)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def number(text):
    return int("".join(filter(str.isdigit, text)) or 0)


def opinion(example, text):
    """The references get 5, other answers 1 to 3 by their number."""
    return 5.0 if text in example.references else float(1 + number(text) % 3)


def human(one):
    """A person who is a little stricter where the number is odd."""
    return max(1.0, opinion(one.example, one.text) - number(one.text) % 2)


def opinions(example, text):
    """Two members agree; a third, asked twice, says one more each second time."""
    value = opinion(example, text)
    return (
        Vote(member="gpt-4o/strict/1", value=value),
        Vote(member="gpt-4o/lenient/1", value=min(5.0, value + 1)),
        Vote(member="acme-7b/strict/2", value=min(5.0, value + 1)),
        Vote(member="acme-7b/strict/1", value=value if number(text) % 2 else None),
    )


GIVEN = {"base": lambda row: f"Réponse {row.id}", "other": lambda row: row.references[0]}


def told(tmp_path, **settings):
    judge = Scripted(opinion, scale=SCALE, votes=opinions)
    path = str(tmp_path / "calibration.json")
    return plan(tmp_path, {"j": judge}, **{"judging": {"calibration": path}, **settings})


def labels(count, value=human):
    given = {name: answer.generations for name, answer in answers(ROWS, **GIVEN).items()}
    return [
        Label(id=one.id, suite="jardin", example_id=one.example.id, value=value(one), scale=SCALE)
        for one in to_label(ROWS, given)[:count]
    ]


@pytest.fixture
def calibrated(tmp_path):
    """Run once, label 30 answers, calibrate; return what the run said and the file."""
    first = judge_and_test(told(tmp_path, judging={}), ROWS, answers(ROWS, **GIVEN), Silent())
    made = labels(30)
    write_labels(tmp_path / "l.jsonl", made)
    run = answered()
    file = CalibrationFile(
        suite="jardin",
        run_id="r",
        labels="l.jsonl",
        labels_sha256=sha256_of_file(tmp_path / "l.jsonl"),
        scale=SCALE,
        judges=calibrate(made, run, by_judge(first), first.trust, {"j": "scripted"}),
        values={label.id: label.value for label in made},
    )
    write_calibration(tmp_path / "calibration.json", file)
    return first, file


def answered():
    given = {name: answer.generations for name, answer in answers(ROWS, **GIVEN).items()}
    return Answered(ROWS, given)


def by_judge(found):
    return {"j": {who: rows for (who, _), rows in found.judged.verdicts.items()}}


def again(tmp_path, **settings):
    return judge_and_test(told(tmp_path, **settings), ROWS, answers(ROWS, **GIVEN), Silent())


def test_a_calibration_says_how_a_judge_agrees_with_people(calibrated):
    _, file = calibrated
    one = file.judges["j"]
    seen = [(opinion(ask.example, ask.text), human(ask)) for ask in asked()[:30]]
    given, said = [a for a, _ in seen], [b for _, b in seen]
    assert one.n == 30
    assert one.kappa.value == pytest.approx(kappa(given, said, "ordinal"))
    assert one.kappa.low < one.kappa.value < one.kappa.high
    assert one.bias.value == pytest.approx(sum(a - b for a, b in seen) / 30)
    assert 0.5 < one.auc.value <= 1 and 0 < one.alpha < 1
    # The lenient member is further from people than the strict one.
    assert one.best.member in ("gpt-4o/strict", "acme-7b/strict")
    assert one.best.kappa >= one.panel
    assert 1 <= one.effective <= 3


def asked():
    given = {name: answer.generations for name, answer in answers(ROWS, **GIVEN).items()}
    return to_label(ROWS, given)


def test_a_later_run_reads_it_and_corrects_its_scores(tmp_path, calibrated):
    found = again(tmp_path)
    (trust,), (votes,) = found.trust, found.agreement
    assert trust.calibrated and trust.calibration.why == ""
    assert trust.calibration.kappa == calibrated[1].judges["j"].kappa
    assert (votes.effective_from, votes.best) == ("errors", calibrated[1].judges["j"].best)
    corrected = {part.candidate: part for part in trust.calibration.corrected}
    assert set(corrected) == {"base", "other"}
    base = corrected["base"]
    mine = {one.id for one in asked() if one.text.startswith("Réponse")}
    picked = [one for one in asked()[:30] if one.id in mine]
    rest = [one for one in asked()[30:] if one.id in mine]
    assert (base.labels, base.n) == (len(picked), 40) and len(picked) + len(rest) == 40
    expected = ppi_mean(
        [human(one) for one in picked],
        [opinion(one.example, one.text) for one in picked],
        [opinion(one.example, one.text) for one in rest],
        [one.example.group for one in [*picked, *rest]],
    )
    for mine_, theirs in zip(
        (base.corrected.value, base.corrected.low, base.corrected.high, base.power),
        expected,
        strict=True,
    ):
        assert mine_ == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"key": "other"}, "rubric or code have changed"),
        ({"weights": "other"}, "files of the judge's model"),
    ],
)
def test_it_goes_stale_when_the_judge_changes(tmp_path, calibrated, change, why):
    first, file = calibrated
    (trust,) = first.trust
    changed = trust.model_copy(update=change)
    path = tmp_path / "calibration.json"
    found = in_run(file, path, changed, by_judge(first)["j"], answered())
    assert found.state == "stale" and why in found.why
    assert found.corrected == ()  # old labels say nothing of a new judge's opinions
    assert found.kappa == file.judges["j"].kappa
    assert in_run(file, path, trust, {}, answered()).state == "fresh"
    other = trust.model_copy(update={"judge": "unknown"})
    assert in_run(file, path, other, {}, answered()) is None


def test_it_goes_stale_when_the_labels_change(tmp_path, calibrated):
    write_labels(tmp_path / "l.jsonl", labels(31))
    (trust,) = again(tmp_path).trust
    assert not trust.calibrated
    assert trust.calibration.why == "l.jsonl has changed since"
    (tmp_path / "l.jsonl").unlink()  # not committed: the values are in the calibration
    assert again(tmp_path).trust[0].calibrated


def test_a_bar_on_kappa_asks_for_a_calibration_that_holds(tmp_path, calibrated):
    path = str(tmp_path / "calibration.json")
    low = calibrated[1].judges["j"].kappa.low
    for least, is_met in ((low - 0.01, True), (low + 0.01, False)):
        judging = {"calibration": path, "min_kappa": least, "max_false_pass": 0.2}
        assert again(tmp_path, judging=judging).trust[0].trusted == is_met
    write_labels(tmp_path / "l.jsonl", labels(31))
    (stale,) = again(tmp_path, judging={"calibration": path, "min_kappa": 0.1}).trust
    assert not stale.trusted and "its calibration is stale" in stale.reason
    (none,) = again(tmp_path, judging={"min_kappa": 0.1}).trust
    assert not none.trusted and "nobody has labelled answers" in none.reason


def test_a_calibration_that_is_named_must_be_there_and_whole(tmp_path):
    with pytest.raises(StoreError, match="bench judge calibrate LABELS"):
        again(tmp_path)
    (tmp_path / "calibration.json").write_text("{}")
    with pytest.raises(StoreError, match="no calibration of this version"):
        again(tmp_path)
    with pytest.raises(StoreError):
        read_calibration(tmp_path)


def test_where_a_calibration_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told(tmp_path, judging={})
    suite = load_suite(tmp_path / "jardin.yaml")
    beside = tmp_path / "calibration" / "jardin.json"
    usual = tmp_path / "suites" / "calibration" / "jardin.json"
    assert default_path(suite) == beside
    usual.parent.mkdir(parents=True)
    usual.touch()
    assert default_path(suite).resolve() == usual
    beside.parent.mkdir()
    beside.touch()
    assert default_path(suite) == beside


def test_labels_of_other_answers_calibrate_nobody(calibrated):
    first, _ = calibrated
    strange = [labels(1)[0].model_copy(update={"id": "0" * 16})]
    with pytest.raises(DataError, match="none of the 1 labels"):
        calibrate(strange, answered(), by_judge(first), first.trust, {})


def test_one_label_and_equal_labels_leave_undefined_what_they_cannot_tell(calibrated):
    first, _ = calibrated
    (one,) = calibrate(labels(1), answered(), by_judge(first), first.trust, {}).values()
    assert (one.n, one.kappa.value, one.auc.value, one.alpha) == (1, None, None, one.alpha)
    assert one.bias.low is None
    same = labels(10, value=lambda ask: 3.0)
    (flat,) = calibrate(same, answered(), by_judge(first), first.trust, {}).values()
    assert flat.auc.value is None and flat.kappa.value == pytest.approx(0, abs=0.2)


def test_labels_on_another_scale_give_order_but_no_kappa(calibrated):
    first, _ = calibrated
    ten = [
        label.model_copy(update={"value": 10 * label.value, "scale": (0.0, 50.0)})
        for label in labels(30)
    ]
    (one,) = calibrate(ten, answered(), by_judge(first), first.trust, {}).values()
    assert one.auc.value > 0.5
    assert (one.kappa.value, one.alpha, one.bias.value, one.best) == (None, None, None, None)


def test_a_verdict_on_a_pair_is_labelled_by_both_answers(tmp_path):
    def prefers(example, first, second):
        return 0.5 + 0.5 * ((first in example.references) - (second in example.references))

    found = judge_and_test(
        plan(tmp_path, {"j": Scripted(prefers, arity=2)}), ROWS, answers(ROWS, **GIVEN), Silent()
    )
    made = labels(40, value=lambda one: opinion(one.example, one.text))
    (one,) = calibrate(made, answered(), by_judge(found), found.trust, {}).values()
    assert one.n == 20  # two labels a verdict
    assert one.bias.value == 0


# --- votes ----------------------------------------------------------------------------------


def voted(*votes, item="a"):
    rows = tuple(Vote(member=member, value=value) for member, value in votes)
    return Verdict(example_id=item, judge="j", candidates=("c",), value=None, votes=rows)


def test_agreement_of_votes(tmp_path):
    found = judge_and_test(told(tmp_path, judging={}), ROWS, answers(ROWS, **GIVEN), Silent())
    (votes,) = found.agreement
    assert votes.members == ("gpt-4o/strict", "gpt-4o/lenient", "acme-7b/strict")
    assert (votes.items, votes.level, votes.effective_from) == (80, "ordinal", "votes")
    assert votes.missing == sum(number(one.text) % 2 == 0 for one in asked())
    assert {(pair.first, pair.second): pair.n for pair in votes.pairs} == {
        ("gpt-4o/strict", "gpt-4o/lenient"): 80,
        ("gpt-4o/strict", "acme-7b/strict"): 80 - votes.missing,
        ("gpt-4o/lenient", "acme-7b/strict"): 80 - votes.missing,
    }
    assert votes.pairs[1].kappa == 1  # the first repeat counts, though it came second
    assert votes.flips_of == 80 - votes.missing
    assert 0 < votes.flip_rate < 1  # it cannot say more than 5
    assert 1 <= votes.effective <= 3 and votes.alpha > 0.5


@pytest.mark.parametrize(
    "verdicts",
    [
        [voted(("a/x/1", 1.0), ("b/x/1", 1.0))] * 3,  # all equal
        [voted(("a/x/1", None), ("b/x/1", None))],  # nobody said anything
        [voted(("a/x/1", 1.0)), voted(("b/x/1", 0.0))],  # never about the same answer
        [voted(("a/x/1", 1.0), ("b/x/1", 0.0))],  # n = 1
    ],
)
def test_hostile_votes_leave_undefined_what_they_cannot_tell(verdicts):
    found = agreement("j", verdicts)
    assert found.members == ("a/x", "b/x")
    assert found.effective is None
    assert found.alpha is None or len(verdicts) == 1
    assert all(pair.kappa is None or len(verdicts) == 1 for pair in found.pairs)
    assert (found.flip_rate, found.flips_of) == (None, 0)


def test_one_member_and_no_votes():
    one = agreement("j", [voted(("gpt-4o", 1.0))] * 3)
    assert (one.members, one.alpha, one.pairs, one.effective) == (("gpt-4o",), None, (), None)
    assert agreement("j", [voted(), voted()]) is None
    assert agreement("j", []) is None and panel([]) is None


def test_a_third_that_is_asked_where_two_disagree_does_not_make_them_look_worse():
    agreed = [voted(("a/x/1", v), ("b/x/1", v), item=str(v)) for v in (0.0, 1.0) for _ in range(9)]
    argued = [voted(("a/x/1", 1.0), ("b/x/1", 0.0), ("c/x/1", v)) for v in (0.0, 1.0)]
    found = agreement("j", [*agreed, *argued])
    assert found.members == ("a/x", "b/x", "c/x")
    only_two = agreement("j", [*agreed, voted(("a/x/1", 1.0), ("b/x/1", 0.0)),
                               voted(("a/x/1", 1.0), ("b/x/1", 0.0))])  # fmt: skip
    assert found.alpha == only_two.alpha > 0.7


def test_members_and_repeats():
    assert member_of("gemini-2.5-flash/strict/2") == ("gemini-2.5-flash/strict", 2)
    assert member_of("Qwen/Qwen2.5-3B/strict/1") == ("Qwen/Qwen2.5-3B/strict", 1)
    assert member_of("gpt-4o") == ("gpt-4o", 1)
    assert member_of("1") == ("1", 1)


def test_kin_of_a_candidate_is_named(tmp_path):
    settings = {"candidates": {
        "base": {"backend": {"use": "hf", "model": "acme/acme-1b"}},
        "other": {"backend": "shuffled"},
    }}  # fmt: skip
    (trust,) = again(tmp_path, judging={}, **settings).trust
    assert trust.self_preference == (
        "acme-7b is of the family of base (acme): models tend to favour their own kin",
    )


# --- labels ---------------------------------------------------------------------------------


def test_answers_come_in_an_order_that_is_as_good_as_drawn():
    queue = asked()
    assert len(queue) == 80 and len({one.id for one in queue}) == 80
    ids = [one.example.id for one in queue]
    assert ids[::2] == ids[1::2]  # the answers to one example come together
    assert ids[::2] != [row.id for row in ROWS]
    firsts = [one.text.startswith("Réponse") for one in queue[::2]]
    assert 8 < sum(firsts) < 32  # neither candidate is always first
    shared = answers(ROWS, base=lambda row: "x", other=lambda row: "x", none=lambda row: None)
    given = {name: answer.generations for name, answer in shared.items()}
    assert len(to_label(ROWS, given)) == 40  # the same answer twice is labelled once
    assert label_id(ROWS[0], "x") != label_id(ROWS[1], "x")


def test_labels_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "deep" / "l.jsonl"
    made = [*labels(3), labels(4)[3].model_copy(update={"value": None})]
    write_labels(path, made)
    assert read_labels(path) == made


def line(**changes):
    return json.dumps({"id": "a", "suite": "s", "example_id": "e", "value": 2, "scale": [1, 5],
                       **changes})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "has no label"),
        ("\n\n", "has no label"),
        (line(value=None), "has no label"),
        (line() + "\n" + line(), "line 2: a is labelled already on line 1"),
        (line(value=6), "line 1: value 6 is off the scale 1 to 5"),
        (line(scale=[5, 1]), "line 1: scale 5 to 1 has no room"),
        (line() + "\n" + line(id="b", scale=[0, 1], value=1), "line 2: scale 0 to 1, and 1 to 5"),
        (line() + "\n" + line(id="b", suite="t"), "line 2: suite 't', and 's' above"),
        (line(value="good"), "line 1: value: "),
        (line(stars=3), "line 1: stars: "),
        (line(value=float("nan")), "line 1: value: "),
        ("not json", "line 1: "),
        ("[1, 2]", "line 1: "),
        (line(id=""), "line 1: id: "),
        ("\n".join(["x"] * 9), r"\(and 4 more\)"),
    ],
)
def test_broken_labels_are_refused_with_their_lines(tmp_path, text, what):
    path = tmp_path / "l.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=what):
        read_labels(path)


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(DataError, match="bench judge label RUN"):
        read_labels(tmp_path / "none.jsonl")
    (tmp_path / "l.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        read_labels(tmp_path / "l.jsonl")
