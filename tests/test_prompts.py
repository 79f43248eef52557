"""The prompt template: its exact texts, and the seam between prompt and answer."""

from __future__ import annotations

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from benchmark.prompts import Template
from benchmark.records import Message

USER = Message(role="user", content="Que dit l'article L1 ?")
TURNS = (USER, Message(role="assistant", content="Rien."), USER)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny.build(tmp_path_factory.mktemp("tiny")))


def test_alpaca_is_the_reference_workflow_text():
    text = "### Instruction:\nQue dit l'article L1 ?\n\n### Response:\n"
    assert Template().render((USER,)) == text


def test_alpaca_with_solved_examples():
    text = Template().render(TURNS)
    turn = "### Instruction:\nQue dit l'article L1 ?\n\n### Response:\n"
    assert text == turn + "Rien.\n\n" + turn


def test_chatml_with_a_system_message():
    text = Template(style="chatml", system="Tu es juriste.").render((USER,))
    assert text == (
        "<|im_start|>system\nTu es juriste.<|im_end|>\n"
        "<|im_start|>user\nQue dit l'article L1 ?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_system_message_of_the_conversation_wins():
    own = Message(role="system", content="Le mien.")
    assert "Tu es" not in Template(system="Tu es juriste.").render((own, USER))


def test_chat_is_the_model_s_own_template(tokenizer):
    text = Template(style="chat").render(TURNS, tokenizer)
    rows = [turn.model_dump() for turn in TURNS]
    expected = tokenizer.apply_chat_template(rows, tokenize=False, add_generation_prompt=True)
    assert text == expected


def test_chat_without_a_chat_template_says_what_to_do():
    with pytest.raises(ValueError, match="use 'chatml' or 'alpaca'"):
        Template(style="chat").render((USER,))


@pytest.mark.parametrize("style", ["chatml", "chat"])
def test_chat_answers_end_with_the_end_of_turn(tokenizer, style):
    ids = Template(style=style).encode_answer("Rien.", tokenizer)
    assert ids[-1] == tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_alpaca_answers_end_with_the_end_of_text(tokenizer):
    assert Template().encode_answer("Rien.", tokenizer)[-1] == tokenizer.eos_token_id


def test_a_name_alone_is_enough():
    assert Template.model_validate("chatml") == Template(style="chatml")


@given(content=st.text(), style=st.sampled_from(["alpaca", "chatml", "plain"]))
def test_content_is_kept_whole(content, style):
    # Braces and percent signs in a law text must not be read as a format.
    assert content in Template(style=style).render((Message(role="user", content=content),))
