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
    "known are 'taipei', 'singapore'"
    """
    names = list(known)
    folded = {candidate.casefold(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name[:100].casefold(), folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{folded[close[0]]}'?"
    if 0 < len(names) <= 12:
        return "known are " + ", ".join(f"'{candidate}'" for candidate in names)
    return ""


def no_such(kind: str, name: str, known: Iterable[str], path: Path) -> Finding:
    """Make the finding for a name that stands for nothing."""
    names = list(known)
    cure = near_miss(name, names) or f"add the {kind}, or take the name out"
    return Finding(path, f"no {kind} '{name}'", cure)
