import pytest

from planner.federation.fnv import fnv1_32, fnv1a_32


@pytest.mark.parametrize(
    ("text", "fnv1", "fnv1a"),
    [
        ("", 0x811C9DC5, 0x811C9DC5),
        ("a", 0x050C5D7E, 0xE40C292C),
        ("foobar", 0x31F0B262, 0xBF9CF968),
    ],
)
def test_published_check_values(text: str, fnv1: int, fnv1a: int) -> None:
    assert fnv1_32(text) == fnv1
    assert fnv1a_32(text) == fnv1a


def test_bytes_beyond_ascii_are_those_of_utf_8() -> None:
    value = 0x811C9DC5
    for byte in b"\xe5\x8f\xb0":
        value = (value * 0x01000193) % 2**32 ^ byte
    assert fnv1_32("台") == value
