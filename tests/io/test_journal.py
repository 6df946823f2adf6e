"""The journal: what is written stands, what is torn is no entry, and nobody else writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import InvalidInput
from planner.io.journal import Journal

ABOUT = {"scenario": "a", "gap": 0.001}


def written(path: Path, count: int) -> bytes:
    with Journal(path, ABOUT) as journal:
        for number in range(count):
            journal.append({"variant": number, "text": "é\n"})
    return path.read_bytes()


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    written(path, 3)
    with Journal(path, ABOUT) as journal:
        assert [entry["variant"] for entry in journal.entries] == [0, 1, 2]
        journal.append({"variant": 3})
    with Journal(path, ABOUT) as journal:
        assert [entry["variant"] for entry in journal.entries] == [0, 1, 2, 3]
        assert journal.entries[0]["text"] == "é\n"


@settings(max_examples=40)
@given(cut=st.integers(0, 200))
def test_wherever_a_write_was_torn_the_rest_stands(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "rows.jsonl"
    whole = written(path, 4)
    left = whole[: max(0, len(whole) - cut)]
    path.write_bytes(left)
    complete = max(0, left.count(b"\n") - 1)
    with Journal(path, ABOUT) as journal:
        assert [entry["variant"] for entry in journal.entries] == list(range(complete))
        journal.append({"variant": 9})
    with Journal(path, ABOUT) as journal:
        assert [entry["variant"] for entry in journal.entries] == [*range(complete), 9]


def test_a_broken_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    written(path, 1)
    with path.open("ab") as file:
        file.write(b'{"variant": \n[1]\n\xff\xfe\n{"variant": 5}\n')
    with Journal(path, ABOUT) as journal:
        assert [entry["variant"] for entry in journal.entries] == [0, 5]


def test_a_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    before = written(path, 1)
    with pytest.raises(InvalidInput, match="another scenario and another gap; name another"):
        Journal(path, {"scenario": "b", "gap": 0.1})
    assert path.read_bytes() == before
    path.write_text("not a journal\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="is no journal"):
        Journal(path, ABOUT)
    assert path.read_text(encoding="utf-8") == "not a journal\n"


@pytest.mark.parametrize("text", ["notes", '{"scenario":"b"', "notes\nmore", '{"scenario":"b"}\nx'])
def test_what_is_refused_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput):
        Journal(path, ABOUT)
    assert path.read_text(encoding="utf-8") == text


def test_two_runs_do_not_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with Journal(path, ABOUT), pytest.raises(BlockingIOError, match="written by another run"):
        Journal(path, ABOUT)
    with Journal(path, ABOUT) as journal:
        assert journal.entries == ()
