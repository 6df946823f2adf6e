"""Files that cannot stand in a repository: too large, in the wrong encoding, built to explode."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from planner.io.scenarios import check_scenario

SMALL = (Path(__file__).parent.parent / "data" / "good" / "small.yaml").read_text(encoding="utf-8")


def faults_of(path: Path) -> list[str]:
    """Check a file and return its faults; it must be quick whatever it holds."""
    start = time.perf_counter()
    checked = check_scenario(path)
    assert time.perf_counter() - start < 5
    assert checked.scenario is None
    assert all(fault.file == str(path) for fault in checked.faults)
    return [str(fault) for fault in checked.faults]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (SMALL.encode("utf-16"), "file  is UTF-16, not UTF-8; save it as UTF-8"),
        (
            SMALL.replace("name: Taipei", "name: Taipé").encode("latin-1"),
            "line 28  is not UTF-8: byte 0xE9; save it as UTF-8",
        ),
        (b"\x89PNG\r\n\x1a\n", "line 1  is not UTF-8: byte 0x89; save it as UTF-8"),
        (b"\x00" * 100, "line 1  holds the control character U+0000; remove it"),
        (b"", "file  is empty; start from a shipped scenario"),
        (b"\n# only a comment\n", "file  is empty; start from a shipped scenario"),
        (
            SMALL.replace("name: Taipei", "name: Tai\x1bpei").encode(),
            "line 28  holds the control character U+001B; remove it",
        ),
    ],
    ids=["utf-16", "latin-1", "png", "nul", "empty", "comment", "escape"],
)
def test_a_file_that_is_not_text(tmp_path: Path, data: bytes, expected: str) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_bytes(data)
    assert faults_of(file) == [expected]


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert check_scenario(file).scenario is not None


def test_a_hundred_megabytes(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    with file.open("wb") as sparse:
        sparse.truncate(100_000_000)
    expected = "file  is larger than 5 MB; move figures into CSV tables or leave some out"
    assert faults_of(file) == [expected]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
@pytest.mark.parametrize("levels", [200, 100_000])
def test_many_levels(tmp_path: Path, opening: str, levels: int) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text("a:\n  " + opening * levels, encoding="utf-8")
    (fault,) = faults_of(file)
    assert fault == "line 2  nested deeper than 50 levels; flatten the document"


def test_many_levels_in_block_style(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text("".join(" " * i + "a:\n" for i in range(200)), encoding="utf-8")
    assert faults_of(file) == ["line 51  nested deeper than 50 levels; flatten the document"]


def test_fifty_levels_are_read(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(SMALL + "x: " + "[" * 49 + "]" * 49 + "\n", encoding="utf-8")
    assert [f.split("; ")[0] for f in faults_of(file)] == ["line 177  x: unknown key 'x'"]


def test_an_alias_bomb(tmp_path: Path) -> None:
    """Nine lines that stand for 10^9 texts."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    file = tmp_path / "scenario.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")
    assert faults_of(file) == ["line 5  too many aliases; write the values out"]


def test_too_many_aliases(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text("a: &a x\n" + "".join(f"b{i}: *a\n" for i in range(200)), encoding="utf-8")
    assert faults_of(file) == ["line 102  too many aliases; write the values out"]


def test_levels_hidden_behind_aliases(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    text = f"a: &a {'[' * 30}{']' * 30}\nb: {'[' * 30}*a{']' * 30}\n"
    file.write_text(text, encoding="utf-8")
    assert faults_of(file) == ["line 2  nested deeper than 50 levels; flatten the document"]


def test_python_objects_are_never_made(tmp_path: Path) -> None:
    witness, file = tmp_path / "witness", tmp_path / "scenario.yaml"
    tag = f"!!python/object/apply:os.mkdir ['{witness}']"
    file.write_text(SMALL.replace("description:", f"description: {tag} #"), encoding="utf-8")
    expected = "the tag '!!python/object/apply:os.mkdir' is not allowed; write the plain value"
    assert faults_of(file) == [f"line 3  description: {expected}"]
    assert not witness.exists()


def test_a_folder(tmp_path: Path) -> None:
    assert faults_of(tmp_path) == ["file  is a folder, not a file; name a file inside it"]


def test_a_missing_file(tmp_path: Path) -> None:
    assert faults_of(tmp_path / "none.yaml") == ["file  does not exist; check the path"]


def test_a_path_that_no_file_can_have() -> None:
    (fault,) = check_scenario("a\x00b").faults
    assert fault.message.startswith("cannot be read: ")


def test_a_file_in_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    expected = "file  cannot be read: Not a directory; check the path"
    assert faults_of(tmp_path / "file" / "scenario.yaml") == [expected]


def test_a_table_in_the_wrong_encoding_or_too_large(tmp_path: Path) -> None:
    file, table = tmp_path / "scenario.yaml", tmp_path / "rtt.csv"
    file.write_text(SMALL + "rtt_ms: {table: rtt.csv}\n", encoding="utf-8")
    table.write_bytes("from,to,rtt_ms\nTW,taipei,5\n".encode("utf-16"))
    (fault,) = check_scenario(file).faults
    assert (fault.file, fault.message) == (str(table), "is UTF-16, not UTF-8")
    with table.open("wb") as sparse:
        sparse.truncate(100_000_000)
    (fault,) = check_scenario(file).faults
    assert (fault.file, fault.message) == (str(table), "is larger than 5 MB")
    table.write_text("from,to,rtt_ms\nTW,taipei," + "5" * 200_000 + "\n", encoding="utf-8")
    (fault,) = check_scenario(file).faults
    assert (fault.file, fault.line) == (str(table), 2)
    assert fault.message == "not CSV: field larger than field limit (131072)"
