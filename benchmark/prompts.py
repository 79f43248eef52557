"""The prompt template: one object, used by training and by evaluation alike.

A model that is trained on one layout and evaluated on another is measured on the
difference; so there is one `Template` a candidate, and both sides call `Template.encode`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from benchmark.records import Message

ALPACA_TURN = {
    "system": "{}\n\n",
    "user": "### Instruction:\n{}\n\n",
    "assistant": "### Response:\n{}\n\n",
}
ALPACA_OPEN = "### Response:\n"
CHATML_TURN = "<|im_start|>{role}\n{content}<|im_end|>\n"
CHATML_OPEN = "<|im_start|>assistant\n"


class Template(BaseModel):
    """How a conversation becomes the text that a model reads.

    `alpaca` and `chatml` are fixed texts; `chat` is the model's own chat template;
    `plain` is the turns' contents, one after the other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    style: Literal["alpaca", "chatml", "chat", "plain"] = "alpaca"
    system: str | None = None
    """A system message put first when the conversation has none."""

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {"style": value} if isinstance(value, str) else value

    def render(self, messages: Sequence[Message], tokenizer: Any = None) -> str:
        """Return the text up to where the answer begins.

        Args:
            messages: The conversation; its last turn is the user's.
            tokenizer: A transformers tokenizer; `chat` needs it, the others ignore it.

        Raises:
            ValueError: `chat` without a tokenizer that has a chat template.
        """
        turns = list(messages)
        if self.system and not any(turn.role == "system" for turn in turns):
            turns.insert(0, Message(role="system", content=self.system))
        if self.style == "chat":
            return self._by_tokenizer(turns, tokenizer)
        if self.style == "chatml":
            rows = [CHATML_TURN.format(role=turn.role, content=turn.content) for turn in turns]
            return "".join(rows) + CHATML_OPEN
        if self.style == "alpaca":
            return (
                "".join(ALPACA_TURN[turn.role].format(turn.content) for turn in turns) + ALPACA_OPEN
            )
        return "\n\n".join(turn.content for turn in turns) + "\n\n"

    def encode(self, messages: Sequence[Message], tokenizer: Any) -> list[int]:
        """Return the prompt's token ids, exactly as training and generation both see them."""
        text = self.render(messages, tokenizer)
        # A chat template writes its own beginning-of-text token; elsewhere the tokenizer does.
        ids: list[int] = tokenizer(text, add_special_tokens=self.style != "chat")["input_ids"]
        return ids

    def encode_answer(self, answer: str, tokenizer: Any) -> list[int]:
        """Return the token ids of an answer and its end of turn, to follow `encode`'s."""
        ids: list[int] = tokenizer(answer, add_special_tokens=False)["input_ids"]
        return [*ids, self.end_of_turn(tokenizer)]

    def end_of_turn(self, tokenizer: Any) -> int:
        """Return the id of the token that ends an answer; generation stops there."""
        end: int = tokenizer.eos_token_id
        if self.style == "chatml":
            closing = tokenizer.convert_tokens_to_ids("<|im_end|>")
            known = isinstance(closing, int) and closing != tokenizer.unk_token_id
            return closing if known else end
        if self.style == "chat":
            # What the model's own template writes after an answer begins with that token.
            turns = [Message(role="user", content="?"), Message(role="assistant", content="ANSWER")]
            closed = self._by_tokenizer(turns, tokenizer, opened=False).rpartition("ANSWER")[2]
            ids: list[int] = tokenizer(closed.lstrip(), add_special_tokens=False)["input_ids"]
            return ids[0] if ids else end
        return end

    @staticmethod
    def _by_tokenizer(turns: list[Message], tokenizer: Any, opened: bool = True) -> str:
        if tokenizer is None or not getattr(tokenizer, "chat_template", None):
            raise ValueError(
                "template 'chat' needs a model with a chat template; use 'chatml' or 'alpaca'"
            )
        text: str = tokenizer.apply_chat_template(
            [turn.model_dump() for turn in turns], tokenize=False, add_generation_prompt=opened
        )
        return text
