"""References to French law in running text: found, resolved, and checked against the codes.

`extract` finds them, `verify` says of each what an `ArticleIndex` knows of it.

::

    tokens.py    text -> words, numbers, marks, with places; Markdown and odd spaces are noise
    codes.py     the French codes and their short forms
    names.py     which code a run of tokens names
    numbers.py   one article number
    acts.py      laws, decrees, EU acts: other references
    parts.py     "3° du II de", ", alinéa 2"
    containers.py  "du code rural", "du même code", "de la loi n° …" behind a number
    lists.py     "aux articles L. 1, L. 2 et au II de l'article L. 3"
    annexes.py   annexes and tables
    extract.py   the walk through a text, and which code each citation is resolved to
    verify.py    verdicts
    quotes.py    how much of what is quoted beside a citation is in the article
"""
