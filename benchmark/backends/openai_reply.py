"""The answer in what a server with OpenAI's protocol sends back, or why there is none.

Whatever is no answer (a refusal, a filter's cut, no text at all) is an error with its reason:
an empty text would be scored as if the model had said nothing. A model's reasoning is no part
of its answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.backends.refusals import Again, Failed, one_line
from benchmark.plugins import Reply
from benchmark.suite import Decoding


def read(payload: Any, decoding: Decoding) -> Reply:
    """Return an answer, stripped and cut at the first stop text, as a local model's is.

    Raises:
        Again: The body is not what the protocol asks for.
        Failed: There is no answer, and there will be none.
    """
    choice = _first(payload)
    message = choice.get("message")
    finish = choice.get("finish_reason")
    if isinstance(message, dict) and message.get("refusal"):
        raise Failed(f"the model refuses: {one_line(message['refusal'], 200)}")
    if finish == "content_filter":
        raise Failed("the server's content filter cut the answer")
    content = message.get("content") if isinstance(message, dict) else choice.get("text")
    text = _joined(content)
    if text is None:
        raise Failed(_no_text(message, finish))
    if not text.strip() and finish == "length":
        raise Failed(_no_text(message, finish))
    return Reply(
        cut(text.strip(), decoding.stop),
        finish="length" if finish == "length" else "stop",
        tokens_in=_tokens(payload, "prompt_tokens"),
        tokens_out=_tokens(payload, "completion_tokens"),
    )


def cut(text: str, stops: tuple[str, ...]) -> str:
    """Return a text up to the first of the stop texts; a server may know none of them."""
    end = min((at for at in map(text.find, stops) if at >= 0), default=None)
    return text if end is None else text[:end].rstrip()


def _first(payload: Any) -> Mapping[str, Any]:
    choices = payload.get("choices") if isinstance(payload, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict):
        raise Again("the server's answer holds no choices")
    if not isinstance(first.get("message"), dict) and "text" not in first:
        raise Again("the server's answer holds no message")
    return first


def _joined(content: Any) -> str | None:
    """Return a content's text; None if it has none. Some servers send it in typed parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = [
        part["text"]
        for part in content
        if isinstance(part, dict)
        and part.get("type", "text") in ("text", "output_text")
        and isinstance(part.get("text"), str)
    ]
    return "".join(parts) if parts else None


def _no_text(message: Any, finish: Any) -> str:
    kind = message if isinstance(message, dict) else {}
    if kind.get("tool_calls") or kind.get("function_call"):
        return "the model calls a tool and gives no text"
    if finish == "length":
        thought = kind.get("reasoning_content") or kind.get("reasoning")
        why = "all tokens went into reasoning" if thought else "the token limit was reached"
        return f"no text: {why} before the answer began; raise `max_new_tokens`"
    return f"no text in the answer (finish reason {one_line(finish, 40)})"


def _tokens(payload: Mapping[str, Any], name: str) -> int:
    usage = payload.get("usage")
    count = usage.get(name) if isinstance(usage, dict) else None
    return count if isinstance(count, int) and count > 0 else 0
