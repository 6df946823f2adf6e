"""Names that are made of others: they fit, are valid and stay apart."""

from hypothesis import given
from hypothesis import strategies as st

from planner.exporters.naming import refuse_bad_names, shortened

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)


@given(LABELS, st.integers(20, 63))
def test_a_shortened_name_is_a_label_and_keeps_its_start(label, longest):
    name = f"link-{label}"
    short = shortened(name, longest)
    refuse_bad_names({"name": short})
    assert len(short) <= longest
    assert short == name or short.rpartition("-")[0] == name[: longest - 9].rstrip("-")


def test_names_that_begin_alike_stay_apart():
    ends = [f"{'a' * 60}{end}" for end in ("x", "y", "-z")]
    assert len({shortened(end, 40) for end in ends}) == len(ends)
