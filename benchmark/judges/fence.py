"""Texts of others inside a prompt: fenced, so that nothing in them is taken for an instruction.

The fence carries a word that nobody who wrote the texts can know: a hash of all of them and of
the suite's seed. It is the same in every run, so that a verdict can be found in the cache. Inside
it, what a model's own format could take for the end of a turn is put out of action.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST = 12_000
"""Characters of one text; a longer one is cut in the middle, and the cut is marked."""

_BRACKETS = str.maketrans({"<": "‹", ">": "›"})
_ROLES = re.compile(r"\[(/?[A-Z_ ]{2,20})\]")
"""Turns of models that write them in square brackets: [INST], [/INST], [TOOL_CALLS]."""
_MARKS = re.compile(r"^(\s*)(#{2,}|[-=]{3,}|`{3,}|~{3,})", re.MULTILINE)
"""What prompts set their parts off with: `### Instruction:`, rules, fences of code."""


def word(seed: int, *texts: str) -> str:
    """Return the fence's word: 8 hex digits that follow from the texts and the seed."""
    digest = hashlib.sha256(str(seed).encode())
    for text in texts:
        digest.update(b"\0" + text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:8]


def harmless(text: str, longest: int = LONGEST) -> str:
    """Return a text that no chat format reads anything into; it says the same to a reader.

    Angle brackets become single guillemets (all of `<|im_end|>`, `</s>`, `<start_of_turn>` and
    the fence itself are written with them), bracketed roles get parentheses, and characters that
    nobody sees (controls, zero width, direction marks, lone surrogates) go.
    """
    text = "".join(char for char in text if char in "\n\t" or not _hidden(char))
    text = _ROLES.sub(r"(\1)", text.translate(_BRACKETS))
    text = _MARKS.sub(lambda mark: f"{mark[1]}·{mark[2][0]}", text)
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]} [… {len(text) - 2 * half} …] {text[-half:]}"
    return text


def fenced(name: str, text: str, fence: str, longest: int = LONGEST) -> str:
    """Return a text between its two fences."""
    return f"<{name} {fence}>\n{harmless(text, longest)}\n</{name} {fence}>"


def _hidden(char: str) -> bool:
    # Cc controls, Cf formats (zero width, direction, tags), Cs lone surrogates, Co private use.
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co")
