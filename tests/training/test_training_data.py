"""Examples into token rows: what is learned, behind what, and what is cut."""

from __future__ import annotations

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.prompts import Template
from benchmark.records import Example, Message
from benchmark.training.data import IGNORED, tokenise

STYLES = ("alpaca", "chatml", "chat", "plain")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tokenizer(model):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


@pytest.fixture
def stripping(model):
    """A tokenizer whose chat template hides all answers but the last, as reasoning models do."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m.role }}: "
        "{% if m.role == 'assistant' and not loop.last %}...{% else %}{{ m.content }}{% endif %}"
        "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    )
    return tokenizer


def said(*contents):
    """Make turns: of the user and of the assistant by turns, the user's first."""
    roles = ("user", "assistant")
    return tuple(Message(role=roles[at % 2], content=text) for at, text in enumerate(contents))


def talk(*contents, id="t"):
    return Example(id=id, prompt=said(*contents[:-1]), references=(contents[-1],))


TALK = talk("Le repos ?", "Onze heures.", "Et la durée ?", "35 heures.", "Par jour ?", "Dix.")


def learned(row):
    return [label for label in row["labels"] if label != IGNORED]


def answers(row, end):
    """Return where each learned answer begins, and its ids without the end of turn."""
    found, start, ids = [], None, []
    for at, label in enumerate(row["labels"]):
        if label == IGNORED:
            continue
        start = at if start is None else start
        if label == end:
            found.append((start, ids))
            start, ids = None, []
        else:
            ids = [*ids, label]
    assert start is None, "an answer without an end of turn"
    return found


# --- conversations ----------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_every_answer_and_its_end_are_learned_in_one_row(tokenizer, style):
    template = Template(style=style, system="Tu réponds.")
    rows = tokenise([TALK], template, tokenizer, 512)
    (row,) = rows.rows
    assert (rows.split, rows.truncated, rows.without_loss, rows.ids) == (0, 0, 0, ["t"])
    found = answers(row, template.end_of_turn(tokenizer))
    assert [tokenizer.decode(ids) for _, ids in found] == ["Onze heures.", "35 heures.", "Dix."]
    for (start, _), turns in zip(found, (1, 3, 5), strict=True):
        asked = template.encode(TALK.prompt[:turns], tokenizer)
        assert row["input_ids"][:start] == asked


@pytest.mark.parametrize("style", STYLES)
def test_only_the_last_answer_where_that_is_asked(tokenizer, style):
    template = Template(style=style)
    (row,) = tokenise([TALK], template, tokenizer, 512, learn="last").rows
    prompt = template.encode(TALK.prompt, tokenizer)
    assert row["labels"] == [IGNORED] * len(prompt) + template.encode_answer("Dix.", tokenizer)


@pytest.mark.parametrize("example", [talk("Le repos ?", "Onze heures."), TALK], ids=["one", "many"])
@pytest.mark.parametrize("style", ["alpaca", "chatml", "chat"])
def test_prompt_tokens_get_no_gradient(model, tokenizer, style, example):
    """The model's own loss sends a gradient back from where an answer is predicted, only."""
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(model)
    (row,) = tokenise([example], Template(style=style), tokenizer, 512).rows
    out = network(input_ids=torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]]))
    out.logits.retain_grad()
    out.loss.backward()
    gradient = out.logits.grad[0]
    predicted = [at for at, label in enumerate(row["labels"]) if label != IGNORED]
    touched = gradient.abs().sum(dim=-1).nonzero().flatten().tolist()
    assert touched == [at - 1 for at in predicted]
    # Descent raises one token there: the label, be it an end of turn that the input does not hold.
    raised = gradient[[at - 1 for at in predicted]].argmin(dim=-1).tolist()
    assert raised == learned(row)


def test_the_loss_of_one_row_is_that_of_its_answers_alone(model, tokenizer):
    """One row for a conversation is only a faster way to learn one row for each answer."""
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(model).eval()

    def loss(rows):
        total = 0.0
        for row in rows:
            ids, labels = torch.tensor([row["input_ids"]]), torch.tensor(row["labels"][1:])
            logits = network(input_ids=ids).logits[0, :-1]
            total += torch.nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        return total

    turns = [
        Example(id="t", prompt=TALK.prompt[:at], references=(TALK.prompt[at].content,))
        for at in (1, 3)
    ]
    with torch.no_grad():
        whole = loss(tokenise([TALK], Template(), tokenizer, 512).rows)
        apart = loss(tokenise([*turns, TALK], Template(), tokenizer, 512, learn="last").rows)
    assert whole == pytest.approx(apart, rel=1e-5)


def test_a_template_that_rewrites_earlier_turns_gives_a_row_an_answer(stripping):
    template = Template(style="chat")
    rows = tokenise([TALK, talk("q", "a", id="u")], template, stripping, 512)
    assert (rows.split, rows.ids) == (1, ["t", "t", "t", "u"])
    for row, turns, text in zip(
        rows.rows, (1, 3, 5), ("Onze heures.", "35 heures.", "Dix."), strict=False
    ):
        prompt = template.encode(TALK.prompt[:turns], stripping)
        answer = template.encode_answer(text, stripping)
        assert row["input_ids"] == prompt + answer
        assert row["labels"] == [IGNORED] * len(prompt) + answer


def test_an_answer_that_merges_with_its_template_gives_a_row_an_answer(model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens(["\n\n"])
    # Its line end and one of the template's are one token, behind which nothing was generated.
    example = talk("q", "a\n", "r", "b")
    rows = tokenise([example], Template(style="alpaca"), tokenizer, 512)
    assert (rows.split, len(rows.rows)) == (1, 2)
    assert tokenizer.decode(learned(rows.rows[0])[:-1]) == "a\n"


def test_answers_to_nobody_are_context(tokenizer):
    turns = (
        Message(role="assistant", content="Bonjour !"),
        Message(role="user", content="q"),
        Message(role="assistant", content="a"),
        Message(role="assistant", content="encore"),
        Message(role="user", content="r"),
    )
    example = Example(id="x", prompt=turns, references=("b",))
    (row,) = tokenise([example], Template(style="chatml"), tokenizer, 512).rows
    found = answers(row, Template(style="chatml").end_of_turn(tokenizer))
    assert [tokenizer.decode(ids) for _, ids in found] == ["a", "b"]


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["", "a", "\n", "\n\n", " Oui.", "Oui.\n", "### Response:\n", "é « œ »", "L. 4121-1"]
)
talks = st.integers(1, 3).flatmap(lambda n: st.lists(words, min_size=2 * n, max_size=2 * n))


@settings(max_examples=150)
@given(contents=talks, style=st.sampled_from(STYLES), system=st.none() | words)
def test_what_is_learned_is_the_answers_behind_what_generation_sees(
    tokenizer, contents, style, system
):
    template = Template(style=style, system=system)
    example = talk(*contents)
    rows = tokenise([example], template, tokenizer, 10_000)
    end = template.end_of_turn(tokenizer)
    found = [(row, *answer) for row in rows.rows for answer in answers(row, end)]
    assert [tokenizer.decode(ids) for _, _, ids in found] == contents[1::2]
    for at, (row, start, ids) in enumerate(found):
        assert row["input_ids"][:start] == template.encode(example.prompt[: 2 * at + 1], tokenizer)
        assert row["input_ids"][start : start + len(ids)] == ids


# --- truncation -------------------------------------------------------------------------------


def test_a_prompt_longer_than_a_row_leaves_nothing_to_learn(tokenizer):
    long = talk("mot " * 40, "Oui.", id="long")
    rows = tokenise([long, talk("q", "Oui.", id="short")], Template(), tokenizer, 40)
    assert (rows.truncated, rows.without_loss, rows.ids) == (1, 1, ["short"])


def test_a_conversation_is_cut_behind_the_last_answer_that_fits(tokenizer):
    template = Template()
    whole = tokenise([TALK], template, tokenizer, 512).rows[0]
    second = len(template.encode(TALK.prompt[:3], tokenizer))
    rows = tokenise([TALK], template, tokenizer, second)
    assert (rows.truncated, rows.without_loss) == (1, 0)
    # What stands between the first answer and the second teaches nothing any more.
    first = len(template.encode(TALK.prompt[:1], tokenizer))
    length = first + len(template.encode_answer("Onze heures.", tokenizer))
    assert rows.rows[0] == {name: of[:length] for name, of in whole.items()}
    assert rows.tokens == length


def test_rows_of_a_split_conversation_are_counted_one_by_one(stripping):
    example = talk("q", "a", "mot " * 60, "b")
    rows = tokenise([example], Template(style="chat"), stripping, 40)
    assert (len(rows.rows), rows.split, rows.truncated, rows.without_loss) == (1, 1, 1, 1)


# --- running text -----------------------------------------------------------------------------


def test_text_is_learned_without_its_question_or_a_template(tokenizer):
    rows = tokenise([TALK], Template(style="chatml"), tokenizer, 512, objective="text")
    ids = [*tokenizer("Dix.")["input_ids"], tokenizer.eos_token_id]
    assert rows.rows == [{"input_ids": ids, "labels": ids}]
    assert (rows.windowed, rows.ids) == (0, ["t"])


def test_rows_without_a_question_are_text_in_any_training(tokenizer):
    text = Example(id="t", prompt=(), references=("Le repos est de onze heures.",))
    asked = tokenise([text], Template(style="chat"), tokenizer, 512)
    assert asked == tokenise([text], Template(), tokenizer, 512, objective="text")
    assert asked.rows[0]["labels"][-1] == tokenizer.eos_token_id


@settings(max_examples=100)
@given(text=st.text(st.characters(exclude_categories=["Cs"])), length=st.integers(8, 20))
def test_windows_lose_no_token_and_learn_none_twice(tokenizer, text, length):
    ids = [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
    example = Example(id="t", prompt=(), references=(text,))
    rows = tokenise([example], Template(), tokenizer, length)
    if len(ids) == 1:  # an end of text behind nothing
        assert (rows.rows, rows.without_loss) == ([], 1)
        return
    assert (rows.truncated, rows.without_loss) == (0, 0)
    assert all(len(row["input_ids"]) <= length for row in rows.rows)
    # transformers shifts: what is learned is every label but a row's first.
    assert [label for row in rows.rows for label in row["labels"][1:]] == ids[1:]
    for row in rows.rows:
        assert row["input_ids"][1:] == row["labels"][1:]
    assert (rows.windowed, rows.ids) == (len(rows.rows) > 1, ["t"] * len(rows.rows))


def test_an_end_of_text_that_the_tokenizer_writes_is_not_doubled(model):
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A <|endoftext|>",
        special_tokens=[("<|im_start|>", 1), ("<|endoftext|>", 0)],
    )
    example = Example(id="t", prompt=(), references=("a",))
    (row,) = tokenise([example], Template(), tokenizer, 512).rows
    assert tokenizer.decode(row["input_ids"]) == "<|im_start|>a<|endoftext|>"
