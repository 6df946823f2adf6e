"""A name becomes a label's value and nothing else: judged by a parser of PromQL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import UnfaithfulExport
from planner.exporters.promql import any_of, duration, label_value, number, select
from tests.exporters.monitored import selectors

printable = st.text(max_size=40).filter(str.isprintable)


@given(printable)
def test_any_printable_name_stays_one_label_value(value):
    (found,) = selectors(f'up{{region={label_value(value)},job="x"}}')
    assert found.name == "up"
    matchers = [(m.name, m.value) for m in found.matchers.matchers]
    assert sorted(matchers) == [("job", "x"), ("region", value)]


@pytest.mark.parametrize("value", ["a\nb", "\x00", "a\u2028b", "\x7f"])
def test_a_name_with_control_characters_is_refused(value):
    with pytest.raises(UnfaithfulExport, match="control"):
        label_value(value)


def test_names_of_metrics_and_labels_are_refused_when_they_are_none():
    for metric in ("a b", "", 'x{a="b"}', "é"):
        with pytest.raises(UnfaithfulExport):
            select(metric)
        with pytest.raises(UnfaithfulExport):
            any_of([metric])
    with pytest.raises(UnfaithfulExport):
        select("up", **{"a-b": "c"})


@given(st.floats(min_value=0, max_value=1e15, allow_nan=False))
def test_a_number_keeps_nine_digits(value):
    assert float(number(value)) == pytest.approx(value, rel=1e-8)


def test_a_wait_is_never_shorter_than_planned():
    assert [duration(each) for each in (0.2, 1.0, 32.0, 180.5)] == ["1s", "1s", "32s", "181s"]
    with pytest.raises(UnfaithfulExport):
        number(float("inf"))
