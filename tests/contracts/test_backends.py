"""What every backend must keep, over the whole registry."""

from __future__ import annotations

import json

import pytest
import tiny
from loopback import answer as said
from loopback import question, serve

from benchmark.errors import CandidateError
from benchmark.plugins import BACKENDS, Request, trainable
from benchmark.progress import Silent
from benchmark.prompts import Template
from benchmark.records import Message
from benchmark.suite import Decoding

QUESTIONS = [
    "Que prévoit l'article L4121-1 ?",
    "Résumez.",
    "Quelle est la durée légale du travail, et qui peut y déroger ? " * 3,
    "",
    "Qui est l'employeur ?",
]
DECODING = Decoding(max_new_tokens=6, batch_size=2)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def server():
    """A server for what is asked over a network."""
    with serve(lambda call: said(f"Réponse à {question(call.body)}")) as running:
        yield running


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """A file for what was answered elsewhere."""
    path = tmp_path_factory.mktemp("answers") / "rows.jsonl"
    rows = [json.dumps({"id": at, "text": f"Réponse {at}"}) for at in range(len(QUESTIONS) - 1)]
    path.write_text("\n".join(rows))
    return path


@pytest.fixture(params=sorted(BACKENDS.builtin))
def backend(request, model, server, answers, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    parameters = {
        "hf": {"model": str(model), "dtype": "float32"},
        "openai": {"base_url": server.url, "model": "m"},
        "langchain": {"model": "fake:parrot"},
        "replay": {"path": str(answers)},
    }
    if request.param == "langchain":
        from langchain_core.language_models.fake_chat_models import ParrotFakeChatModel

        made = lambda *_, **__: ParrotFakeChatModel()  # noqa: E731 - one line says it
        monkeypatch.setattr("langchain.chat_models.init_chat_model", made)
    return BACKENDS.load(request.param)(**parameters.get(request.param, {}))


def requests(backend):
    return [
        Request(
            example_id=str(at),
            messages=(Message(role="user", content=question),),
            template=Template(),
            references=(f"Réponse {at}",) if backend.is_control else (),
        )
        for at, question in enumerate(QUESTIONS)
    ]


def answer(backend, asked):
    found = {}
    with backend.open(Silent()) as opened, opened.adapted(None):
        for batch in opened.batches(asked, DECODING):
            replies = opened.generate([asked[at] for at in batch], DECODING, lambda *_, **__: None)
            assert len(replies) == len(batch)
            found |= dict(zip(batch, replies, strict=True))
    return [found[at] for at in range(len(asked))]


def test_batches_are_a_partition_that_depends_on_nothing_else(backend):
    asked = requests(backend)
    with backend.open(Silent()) as opened:
        first, again = opened.batches(asked, DECODING), opened.batches(asked, DECODING)
        assert first == again
        assert sorted(at for batch in first for at in batch) == list(range(len(asked)))
        assert opened.batches([], DECODING) == []


def test_answers_are_texts_or_errors_and_repeat(backend):
    asked = requests(backend)
    replies = answer(backend, asked)
    assert replies == answer(backend, asked)
    for reply in replies:
        assert (reply.text is None) == (reply.error is not None)
        assert reply.finish in ("stop", "length", "error")


def test_an_adapter_is_put_on_or_refused_in_one_line(backend, tmp_path):
    with backend.open(Silent()) as opened:
        with pytest.raises(CandidateError) as caught, opened.adapted(tmp_path / "none"):
            pass
    assert "\n" not in str(caught.value)


def test_only_weights_of_this_machine_can_be_trained(backend):
    assert trainable(backend) == (type(backend).__name__ == "HuggingFace")


def test_fingerprint_and_signature_are_stable_text(backend):
    assert backend.fingerprint(Silent()) == backend.fingerprint(Silent())
    assert len(backend.fingerprint(Silent())) == 32
    assert backend.signature.isprintable()
    assert backend.describe()


def test_unknown_parameters_are_refused(backend):
    with pytest.raises(ValueError, match="modle"):
        type(backend)(**backend.model_dump(), modle="x")
