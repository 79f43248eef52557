"""The questions that legi asks of an article: built in for English and French, or one's own.

One's own are in a YAML file (suites/templates/ has one), or right in the suite::

    templates:
      - name: summary
        text: Résumez {l_article} du {code}.

==============  =============================================================================
``{article}``   Article L1234-5, Annexe II, Tableau n° 9 bis
``{l_article}``  the same in a French sentence: l'article L1234-5, l'annexe II
``{code}``      Code du travail
``{section}``   title of the section around it
==============  =============================================================================
"""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import Any

from pydantic import BaseModel, ConfigDict

from benchmark.errors import ConfigError, Problem
from benchmark.registry import did_you_mean
from benchmark.yaml_lines import Lines, parse

PLACEHOLDERS = ("article", "l_article", "code", "section")
ARTICLES = ("article", "l_article")
"""One of these must be there: otherwise every article is asked the same."""
FIELDS = {"name", "text"}
MAX_BYTES = 1_000_000
"""Of a file of questions; anything larger is something else."""
KEY = "templates"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Question(BaseModel):
    """One way to ask about an article."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Reports slice by it."""
    text: str
    """With `{article}` or `{l_article}`, and perhaps `{code}` and `{section}`."""

    def ask(self, num: str, code: str, section: str) -> str:
        """Return the question about one article."""
        return self.text.format(
            article=_english(num), l_article=_french(num), code=code, section=section
        )


def _questions(**texts: str) -> tuple[Question, ...]:
    return tuple(Question(name=name, text=text) for name, text in texts.items())


BUILT_IN = {
    "en": _questions(
        summary="Summarise {article} of the {code} in plain English.",
        obligations="Which obligations does {article} of the {code} create, and for whom?",
        significance="What is the legal significance of {article} of the {code}, "
        'which stands in the section "{section}"?',
        explanation="Translate {article} of the {code} into English and explain it to a reader "
        "who is not a lawyer.",
        rights="Which rights does {article} of the {code} grant, and who holds them?",
    ),
    # The article is subject or direct object: "de" and "à" would melt with it (du, au).
    "fr": _questions(
        summary="Résumez {l_article} du {code} en français courant.",
        obligations="Quelles obligations impose {l_article} du {code}, et à qui ?",
        significance="Quelle portée juridique a {l_article} du {code}, "
        "qui figure dans la section « {section} » ?",
        explanation="Reformulez {l_article} du {code} en termes simples et expliquez-en le sens "
        "à un lecteur qui n'est pas juriste.",
        rights="Quels droits confère {l_article} du {code}, et qui en bénéficie ?",
    ),
}
"""Five intents by language, in the order in which they take turns; the English ones are the
reference workflow's."""


def read_questions(path: str) -> list[dict[str, Any]]:
    """Return the questions of a YAML file, checked.

    Raises:
        ConfigError: The file cannot be read, or something in it is wrong; every problem with
            its line.
    """
    text = _text(path)
    try:
        parsed = parse(text, path)
    except ConfigError as error:
        if "no mapping" in error.problems[0].what:
            where = error.problems[0].where
            raise ConfigError(f"has no `{KEY}:`", where=where, hint=_layout()) from error
        raise
    problems = list(parsed.problems)
    for name in parsed.data:
        if name != KEY:
            where = f"{path}:{parsed.lines[name,][1]}"
            problems.append(Problem(where, f"unknown key {name!r}", _layout()))
    items = parsed.data.get(KEY)
    if KEY not in parsed.data and not problems:
        problems.append(Problem(path, f"has no `{KEY}:`", _layout()))
    elif KEY in parsed.data:
        problems += check_questions(items, path, parsed.lines)
    if problems:
        raise ConfigError(problems)
    found: list[dict[str, Any]] = parsed.data[KEY]
    return found


def check_questions(items: Any, file: str = "", lines: Lines | None = None) -> list[Problem]:
    """Return everything that is wrong with a list of questions.

    Args:
        items: What should be a list of `{"name": ..., "text": ...}`.
        file: Where it was read; "" for a list in the suite.
        lines: Key path -> (file, line).
    """

    def where(*path: str) -> str:
        line = (lines or {}).get((KEY, *path), ("", 0))[1]
        return f"{file}:{line}" if line else file

    if not isinstance(items, list | tuple) or not items:
        what = "the list of questions is empty" if items in (None, [], ()) else "is no list"
        return [Problem(where(), what, _layout())]
    problems: list[Problem] = []
    names: set[str] = set()
    for at, given in enumerate(items):
        item = given.model_dump() if isinstance(given, Question) else given
        for what in _mistakes(item):
            problems.append(Problem(where(str(at)), f"question {at + 1} {what}"))
        name = item.get("name") if isinstance(item, dict) else None
        if isinstance(name, str) and name in names:
            problems.append(Problem(where(str(at)), f"two questions have the name {name!r}"))
        names.add(str(name))
    return problems


def _mistakes(item: Any) -> list[str]:
    if not isinstance(item, dict) or set(item) != FIELDS:
        given = f", not {', '.join(map(str, item)) or 'nothing'}" if isinstance(item, dict) else ""
        return [f"needs `name` and `text`{given}"]
    name, text = item["name"], item["text"]
    problems = []
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        problems.append("needs a `name` of up to 64 letters, digits, dots, dashes, underscores")
    if not isinstance(text, str) or not text.strip():
        problems.append("needs a `text`")
    else:
        problems += _placeholder_mistakes(text)
    return problems


def _placeholder_mistakes(text: str) -> list[str]:
    try:
        parts = [part[1:] for part in Formatter().parse(text) if part[1] is not None]
    except ValueError:
        return ["has a brace without its partner; write {{ or }} for a brace that is meant"]
    names = [str(name) for name, _, _ in parts]
    problems = []
    for name, form, conversion in parts:
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            hint = did_you_mean(str(name), list(PLACEHOLDERS)) or f"known: {known}"
            problems.append(f"has an unknown placeholder {{{name}}}; {hint}")
        elif form or conversion:
            problems.append(f"formats {{{name}}}; write it without `:` and `!`")
    if not problems and not set(names) & set(ARTICLES):
        problems.append("names no article; put {article} or {l_article} into its text")
    return problems


def _layout() -> str:
    return f"write `{KEY}:`, and under it `- name: ...` with `text: ...` for each question"


def _text(path: str) -> str:
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"cannot read the file of questions: {reason}",
            where=path,
            hint=f"name a file, or one of {', '.join(BUILT_IN)}",
        ) from error
    if len(content) > MAX_BYTES:
        raise ConfigError("is too large for a file of questions", where=path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = "is not UTF-8; save it as UTF-8"
        raise ConfigError(what, where=f"{path}:{line}") from error


def _is_number(num: str) -> bool:
    """Tell "L1234-5 A" from "Annexe II", which is a noun of its own."""
    return any(character.isdigit() for character in num.split(maxsplit=1)[0])


def _english(num: str) -> str:
    return f"Article {num}" if _is_number(num) else num


def _french(num: str) -> str:
    if _is_number(num):
        return f"l'article {num}"
    # "Annexe II : Tableau n° 9" and "Annexes à l'article D9-9" fit no sentence as they are.
    if re.fullmatch(r"Annexe\b[^:]*", num):
        return f"l'a{num[1:]}"
    return f"le t{num[1:]}" if re.fullmatch(r"Tableau\b[^:]*", num) else f"l'article « {num} »"
