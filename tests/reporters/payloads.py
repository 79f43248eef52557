# ruff: noqa: E501 (a payload is one line)
"""Hostile texts: what a model, a data set or a suite may put wherever a text is shown.

Each shows in a way of its own that it ran: it sets `window.hacked` or the title, asks something,
loads an address under `BAIT`, rings the terminal's bell, becomes a formula. Reports must show
every one of them as text. Use `PAYLOADS` (name -> text) for one at a time, `ALL` for the lot.
"""

from __future__ import annotations

BAIT = "https://bait.invalid/"
"""No host: a request to it is a request that left the report."""
RUN = "window.hacked=1;document.title='hacked'"
"""What a payload does if it runs."""

MARKUP = {
    "script": f"<script>{RUN}</script>",
    "script, upper case and spaced": f"<SCRIPT\n>{RUN}</SCRIPT\t>",
    "end of a script": f"</script><script>{RUN}</script>",
    "end of everything": f"</script></style></title></textarea></noscript>--><script>{RUN}</script>",
    "comment": f"<!--<script>{RUN}</script>--><!--><script>{RUN}</script>",
    "comment that opens a script": "<!--<script>",
    "image": f'"><img src=x onerror="{RUN}">',
    "image that loads": f'"><img src="{BAIT}i.png"><img srcset="{BAIT}s.png 1x">',
    "attribute": f"' onmouseover='{RUN}' autofocus tabindex=0 onfocus='{RUN}' x='",
    "attribute without quotes": f"x onload={RUN} onanimationstart={RUN} style=animation:a",
    "back-tick attribute": f"`onclick={RUN}`",
    "details": f'<details open ontoggle="{RUN}"><summary>x</summary></details>',
    "body": f'<body onload="{RUN}" onhashchange="{RUN}">',
    "frame": f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe><iframe src={BAIT}></iframe>",
    "form": f"<form action='{BAIT}'><button autofocus>x</button></form><input onfocus='{RUN}' autofocus>",
    "base and refresh": f"<base href='{BAIT}'><meta http-equiv=refresh content='0;url={BAIT}'>",
    "link and import": f"<link rel=stylesheet href={BAIT}c.css><link rel=prefetch href={BAIT}p>",
    "object": f"<object data='{BAIT}o'></object><embed src='{BAIT}e'><video src='{BAIT}v' autoplay>",
    "end of the page": "</div></article></main></body></html><style>* { display: none }</style>",
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt; &#x3C;b&#x3E; &amp;lt; &nbsp",
}
"""HTML that would become elements."""

DRAWN = {
    "svg": f'<svg onload="{RUN}"><script>{RUN}</script><a xlink:href="javascript:{RUN}"><text>x</text></a></svg>',
    "svg use": f"<svg><use href='{BAIT}u.svg#x'/><image href='{BAIT}i.svg'/></svg>",
    "svg animation": f"<svg><animate onbegin='{RUN}' attributeName=x dur=1s></svg>",
    "svg foreign object": f"<svg><foreignObject><iframe srcdoc='<script>parent.{RUN}</script>'></svg>",
    "svg end of a title": f"</title></desc></text></svg><script>{RUN}</script>",
    "mathml": f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}></style></table></math>",
    "cdata": f"<![CDATA[<script>{RUN}</script>]]>]]><script>{RUN}</script>",
    "xml entity": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/hostname">]><x>&y;</x>',
}
"""SVG, MathML and XML."""

STYLES = {
    "css": f"</style><style>*{{background:url({BAIT}b)}}</style>",
    "css import": f"@import url({BAIT}i.css); body{{display:none!important}}",
    "css value": f"red;background:url({BAIT}v);x:expression({RUN})",
    "css end": "}*{display:none}/*",
}
"""Style sheets."""

ADDRESSES = {
    "javascript link": f'<a href="javascript:{RUN}">x</a>',
    "javascript address": f"javascript:{RUN}",
    "javascript address, disguised": f" java\tscript:{RUN}//https://www.legifrance.gouv.fr/",
    "data address": f"data:text/html,<script>{RUN}</script>",
    "markdown link": f"[x](javascript:{RUN}) ![x]({BAIT}m.png) <{BAIT}> [y]: {BAIT}",
    "site of the same beginning": "https://www.legifrance.gouv.fr.bait.invalid/",
}
"""Links."""

CODE = {
    "end of a json string": f'"}}]}};{RUN};//',
    "end of a javascript string": f"';{RUN};//\\",
    "template literal": f"`;{RUN};`${{{RUN}}}",
    "prototype": '{"__proto__": {"hacked": 1}, "constructor": {"prototype": {"hacked": 1}}}',
    "line separators": f"a\u2028{RUN}\u2029b",
    "jinja": "{{ 7 * 7 }}{% for x in y %}{{ cycler.__init__.__globals__ }}{# x #}",
    "angular and vue": "{{constructor.constructor('window.hacked=1')()}} ${7*7} #{7*7} <%= 7*7 %>",
    "vega expression": "datum['x'] {signal: \"warn('x')\"} {expr: '1'}",
    "format string": "%s%n{0}{results.__class__.__mro__}$HOME`id`$(id)",
    "shell": "; touch /tmp/hacked #`touch /tmp/hacked`$(touch /tmp/hacked)",
    "regular expression": "(a+)+$ \\1 [ ^-] \\",
}
"""Code in a string, and templates."""

TERMINAL = {
    "title": "\x1b]0;hacked\x07",
    "clear": "\x1b[2J\x1b[H\x1b[31mred\x1b[0m",
    "link": f"\x1b]8;;{BAIT}\x1b\\x\x1b]8;;\x1b\\",
    "answer": "\x1b[6n\x1b[c\x9b6n\x90+q544e\x9c",
    "line feed tricks": "FAIL\rPASS\x08\x08\x0b\x0c\x85",
    "bell and NUL": "\x07\x00\x7f",
    "rich markup": "[bold red]x[/] [link=https://bait.invalid]y[/link] [/nothing]",
}
"""Escape sequences of terminals."""

UNSEEN = {
    "bidi override": "abc\u202egnp.exe\u202c",
    "bidi isolates": "\u2066x\u2069\u2067y\u2069\u200f",
    "lone surrogate": "a\ud800b\udfffc",
    "not a character": "a\ufffeb\uffffc",
    "zalgo": "Z" + "\u0334\u0335\u0336\u0337" * 20,
    "wide": "x" * 2_000,
    "pictures": "👩‍👩‍👧‍👦🇫🇷𝒳",
}
"""Text that hides or reorders other text, or breaks the page's width."""

FORMULAS = {
    "sum": "=1+1",
    "call": "=cmd|' /C calc'!A0",
    "link": f'=HYPERLINK("{BAIT}","x")',
    "plus": "+1+1",
    "minus": "-2+3+cmd|' /C calc'!A0",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "tab": "\t=1+1",
    "carriage return": "\r=1+1",
    "end of a cell": '";=1+1\n=1+1,"',
    "full width": "＝1+1",
}
"""What a spreadsheet takes for a formula."""

MARKDOWN = {
    "table": "| a | b |\n|---|---|\n| c | d |",
    "fence": "```\n</pre>\n````\n~~~",
    "heading": "# x\n===\n---\n> y\n- [ ] z",
    "mention": "@someone #1 GH-1 owner/name@0123456 www.bait.invalid",
    "html block": "<details><summary>x</summary>\n\n# y\n\n</details>",
    "workflow command": "::error::x\n::set-output name=a::b",
    "xml": "]]><testcase name='x'/><!--",
}
"""Markdown, and what continuous integration reads out of a log."""

PAYLOADS: dict[str, str] = {
    f"{kind}: {name}": text
    for kind, texts in {
        "markup": MARKUP,
        "drawn": DRAWN,
        "style": STYLES,
        "address": ADDRESSES,
        "code": CODE,
        "terminal": TERMINAL,
        "unseen": UNSEEN,
        "formula": FORMULAS,
        "markdown": MARKDOWN,
    }.items()
    for name, text in texts.items()
}
"""Every payload by its name."""
ALL = " ".join(PAYLOADS.values())
"""All in one text."""
