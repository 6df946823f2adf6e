"""Text inside Mermaid diagrams: nothing in it is syntax."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9 .,/_+=()≥≤→×·%'-]")
_KEYWORD = re.compile(r"\b(end)\b", re.IGNORECASE)


def quoted(text: str) -> str:
    """Return a label in double quotes.

    Parameters
    ----------
    text : str
        Any text.

    Examples
    --------
    >>> quoted('a"] --> b')
    '"a#34;#93; --#62; b"'
    """
    return f'"{plain(text)}"'


def plain(text: str) -> str:
    """Return text in which every character that could be syntax is an entity.

    Parameters
    ----------
    text : str
        Any text; the word ``end`` is split too, for it closes blocks of sequence diagrams.

    Returns
    -------
    str
        Mermaid shows ``#34;`` as the character of that code point. Control characters become
        spaces.

    Examples
    --------
    >>> plain("rest; end"), plain("Zürich#1")
    ('rest#59; #101;nd', 'Z#252;rich#35;1')
    """
    entities = "".join(_entity(character) for character in text)
    return _KEYWORD.sub(lambda found: f"#{ord(found[0][0])};{found[0][1:]}", entities)


def _entity(character: str) -> str:
    """Write one character."""
    if _PLAIN.fullmatch(character):
        return character
    return f"#{ord(character)};" if character.isprintable() else " "
