"""The two 32-bit Fowler-Noll-Vo hashes with which the controllers break ties."""

from __future__ import annotations

OFFSET_BASIS = 0x811C9DC5
PRIME = 0x01000193
_MASK = 0xFFFFFFFF


def fnv1_32(text: str) -> int:
    """Return the FNV-1 hash of the UTF-8 bytes of `text`, as an unsigned 32-bit number.

    For every byte: multiply by the prime, then xor. KubeFed sorts clusters of equal weight by it.

    Parameters
    ----------
    text : str
        What is hashed; may be empty.

    Returns
    -------
    int
        From 0 to 2**32 - 1.

    References
    ----------
    D. Eastlake et al., "The FNV Non-Cryptographic Hash Algorithm", RFC 9923, 2025.

    Examples
    --------
    >>> hex(fnv1_32("")), hex(fnv1_32("foobar"))
    ('0x811c9dc5', '0x31f0b262')
    """
    value = OFFSET_BASIS
    for byte in text.encode():
        value = (value * PRIME & _MASK) ^ byte
    return value


def fnv1a_32(text: str) -> int:
    """Return the FNV-1a hash of the UTF-8 bytes of `text`, as an unsigned 32-bit number.

    For every byte: xor, then multiply by the prime. Its lowest bit turns Karmada's tie order.

    Parameters
    ----------
    text : str
        What is hashed; may be empty.

    Returns
    -------
    int
        From 0 to 2**32 - 1.

    References
    ----------
    D. Eastlake et al., "The FNV Non-Cryptographic Hash Algorithm", RFC 9923, 2025.

    Examples
    --------
    >>> hex(fnv1a_32("")), hex(fnv1a_32("foobar"))
    ('0x811c9dc5', '0xbf9cf968')
    """
    value = OFFSET_BASIS
    for byte in text.encode():
        value = (value ^ byte) * PRIME & _MASK
    return value
