"""Texts as numbers of characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def characters(text: str) -> NDArray[np.uint32]:
    """Return the code points of a text without its white space."""
    import numpy as np

    kept = "".join(text.split())
    return np.frombuffer(kept.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
