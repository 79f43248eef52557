"""What every HTML page is made with: templates that escape, and our own styles."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from benchmark.reporters import format as fmt

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def environment() -> Environment:
    """Return the templates' surroundings: all text is escaped and made visible."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def visible(value: Any) -> Any:
        """Clean each text on its way to the page; markup comes from our own templates only."""
        return (
            fmt.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
        )

    made = Environment(
        loader=PackageLoader("benchmark.reporters"),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["line"] = fmt.one_line
    return made


def source(name: str) -> Markup:
    """Return one of our own files as text that needs no escaping."""
    from markupsafe import Markup

    file = resources.files("benchmark.reporters") / "templates" / name
    return Markup(file.read_text("utf-8").strip())
