"""Altair's charts as SVG that is safe to stand in a page: drawn here, with no script and no link.

One spec serves the page and a file beside `report.md`: colours are those of `COLOURS`, which a
page replaces by its CSS variables, so that charts follow its theme.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

from benchmark.reporters import format as fmt

COLOURS = {
    "#1c1e21": "--text",
    "#5b6067": "--muted",
    "#dfdfd9": "--line",
    "#0b6b4a": "--good",
    "#b3261e": "--bad",
    "#7a5200": "--unsure",
    "#2b5c9e": "--accent",
    "#ffffff": "--paper",
}
"""Colour of the light theme -> the CSS variable of `report.css` that stands for it."""
TEXT, MUTED, LINE, GOOD, BAD, UNSURE, ACCENT, PAPER = COLOURS

_SPACE = "http://www.w3.org/2000/svg"
_KEPT_TAGS = frozenset(("svg", "g", "path", "rect", "line", "text", "tspan"))
_KEPT = frozenset(
    "width height viewBox d x y x1 x2 y1 y2 dx dy r transform fill fill-opacity stroke "
    "stroke-width stroke-dasharray stroke-opacity stroke-linecap stroke-linejoin opacity "
    "text-anchor font-size font-weight font-style".split()
)
_LONG = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")


def chart(spec: dict[str, Any], title: str, description: str) -> str:
    """Return a Vega-Lite spec as an SVG document that can stand alone.

    Args:
        spec: From Altair's `to_dict()`; its data are within.
        title: What is shown.
        description: What it says, for who cannot see it.
    """
    return _drawn(json.dumps(spec, sort_keys=True), fmt.one_line(title), fmt.one_line(description))


def inline(document: str) -> str:
    """Return an SVG of `chart` for the inside of a page: its colours are the page's."""
    root = ElementTree.fromstring(document)
    for node in root.iter():
        node.tag = node.tag.partition("}")[2]
        for name in ("fill", "stroke"):
            variable = COLOURS.get(node.get(name, "").lower())
            if variable:
                node.set(name, f"var({variable})")
    root.set("class", "chart")
    return _text(root)


@lru_cache(maxsize=64)
def _drawn(spec: str, title: str, description: str) -> str:
    """Draw once what the page and the files beside it show twice."""
    import vl_convert

    # Without this, a chart could fetch what a URL in its data names; ours name none.
    drawn = vl_convert.vegalite_to_svg(json.loads(spec), allowed_base_urls=[])
    root = _pruned(ElementTree.fromstring(drawn))
    root.set("xmlns", _SPACE)
    root.set("role", "img")
    root.set("font-family", "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        node = ElementTree.Element(tag)
        node.text = text
        root.insert(place, node)
    root.set("aria-label", f"{title}. {description}")
    return _text(root)


def _pruned(node: ElementTree.Element) -> ElementTree.Element:
    """Return an element with nothing but marks: no link, role, class, or empty shape."""
    node.tag = node.tag.partition("}")[2] or node.tag
    node.attrib = {
        name: _LONG.sub(lambda found: f"{float(found.group()):.2f}", value)
        for name, value in node.attrib.items()
        if name in _KEPT and not (name in ("opacity", "stroke-width") and value == "1")
    }
    for child in list(node):
        _pruned(child)
        is_bare = child.tag == "g" and len(child) == 0
        is_empty = child.tag == "path" and child.get("d") in (None, "", "M0,0h0v0h0Z")
        if child.tag not in _KEPT_TAGS or is_bare or is_empty:
            node.remove(child)
    return node


def _text(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode")
