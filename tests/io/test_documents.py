"""YAML in and out: scalars of YAML 1.2, lines, and text that other readers take as we meant it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import InvalidInput
from planner.io.documents import dump_documents, parse_document
from planner.model.text_checks import FORBIDDEN

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20).filter(
    lambda text: FORBIDDEN.search(text) is None
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.from_regex(r"[-+]?[0-9.]{1,4}([eE][-+]?[0-9]{1,2})?", fullmatch=True)
    | st.sampled_from(
        ["NO", "no", "y", "N", "on", "null", "~", "1:30", "0o17", "0x1f", "012", "<<", "="]
    )
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("off", "off"),
        ("NA", "NA"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("1:30", "1:30"),
        ("012", "012"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("2027-01-01", "2027-01-01"),
        ("12", 12),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("1.4.2", "1.4.2"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    read = parse_document(f"key: {text}\n", "a.yaml").root.data["key"]
    assert read == value
    assert type(read) is type(value)


def test_keys_are_always_text() -> None:
    tree = parse_document("NO: 1\ntrue: 2\n12: 3\n~: 4\n", "a.yaml")
    assert list(tree.root.data) == ["NO", "true", "12", "~"]


def test_every_value_has_the_line_of_its_key() -> None:
    text = "a:\n  b: [1,\n    2]\n  c: >\n    long\n    text\n  d: &x {e: 1}\nf:\n- 1\n- g: *x\n"
    tree = parse_document(text, "a.yaml")
    paths = {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 1): 3,
        ("a", "c"): 4,
        ("a", "d", "e"): 7,
        ("f", 1, "g"): 10,
        ("a", "missing"): 1,
        ("f", 7): 8,
    }
    assert {path: tree.line(path) for path in paths} == paths


def test_aliases_are_copies_of_their_own_line() -> None:
    tree = parse_document("a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  y: 2\n", "a.yaml")
    assert tree.root.data == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}
    assert tree.line(("b",)) == 2
    assert tree.line(("c", "x")) == 1


def test_given_keys_win_over_merged_ones() -> None:
    tree = parse_document("a: &a {x: 1, y: 1}\nb: &b {y: 2}\nc: {<<: [*b, *a], z: 3}\n", "a.yaml")
    assert tree.root.data["c"] == {"x": 1, "y": 2, "z": 3}


def test_a_second_document_is_named_by_its_line() -> None:
    with pytest.raises(InvalidInput, match="line 2  holds more than one document"):
        parse_document("a: 1\n---\nb: 2\n", "a.yaml")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.dictionaries(TEXT.filter(lambda key: key != "<<"), DATA, min_size=1, max_size=4))
def test_what_is_written_is_read_back(data: dict[str, object]) -> None:
    """By this reader, and by a plain YAML 1.1 one, as `kubectl` and others are."""
    text = dump_documents(data)
    read = parse_document(text, "a.yaml")
    # Inside, a key '<<' merges; that is YAML's, not ours.
    if "<<" not in text:
        assert read.root.data == data
        assert read.faults == ()
    assert yaml.safe_load(text) == data
    assert dump_documents(data) == text


def test_shared_data_is_written_out_in_full() -> None:
    shared = {"x": [1]}
    assert dump_documents({"a": shared, "b": shared}) == "a:\n  x:\n  - 1\nb:\n  x:\n  - 1\n"


def test_order_unicode_and_long_lines_stay() -> None:
    long = "word " * 60 + "end"
    assert dump_documents({"b": "臺北", "a": long}) == f"b: 臺北\na: {long}\n"


def test_text_of_several_lines_is_a_block() -> None:
    assert (
        dump_documents({"Corefile": ".:53 {\n  log\n}\n"})
        == "Corefile: |\n  .:53 {\n    log\n  }\n"
    )


def test_several_documents_are_parted() -> None:
    assert dump_documents({"a": 1}, {"b": 2}) == "---\na: 1\n---\nb: 2\n"


def test_what_is_not_plain_data_is_refused() -> None:
    with pytest.raises(TypeError, match="`documents` must be plain data"):
        dump_documents({"a": object()})
