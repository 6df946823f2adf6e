"""What a check finds: a path inside the document, a sentence and a cure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a document, before its line is known.

    Attributes
    ----------
    path : tuple of str or int
        Keys and positions from the root.
    message : str
        What is wrong, in a sentence.
    cure : str
        What to do about it; may be empty.
    """

    path: Path
    message: str
    cure: str = ""


def quoted(text: object, limit: int = 60) -> str:
    """Write text as a sentence names it: in quotes, short, in one line.

    Examples
    --------
    >>> quoted("a" * 100, limit=9)
    "'aaaaaaaa…'"
    """
    return f"'{shorten(text, limit)}'"


def shorten(text: object, limit: int = 60) -> str:
    """Cut long text and write what cannot be printed as escapes."""
    whole = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text)[: limit + 1])
    return whole if len(whole) <= limit else whole[: limit - 1] + "…"


def dotted(path: Iterable[str | int]) -> str:
    """Write a path as ``regions.taipei.latitude_deg``."""
    return ".".join(map(shorten, path))


def near_miss(name: str, known: Iterable[str]) -> str:
    """Suggest the known name closest to `name`, or list the few that there are.

    Parameters
    ----------
    name : str
        What was written.
    known : iterable of str
        What would have been right.

    Returns
    -------
    str
        A cure, or empty text.

    Examples
    --------
    >>> near_miss("singapor", ["taipei", "singapore"])
    "did you mean 'singapore'?"
    >>> near_miss("osaka", ["taipei", "singapore"])
    "choose from 'taipei', 'singapore'"
    """
    names = list(known)
    folded = {candidate.casefold(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name[:100].casefold(), folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean {quoted(folded[close[0]])}?"
    if 0 < len(names) <= 12:
        return "choose from " + ", ".join(map(quoted, names))
    return ""


def no_such(kind: str, name: str, known: Iterable[str], path: Path) -> Finding:
    """Make the finding for a name that stands for nothing."""
    names = list(known)
    cure = near_miss(name, names) or f"add the {kind}, or take the name out"
    return Finding(path, f"no {kind} {quoted(name)}", cure)
