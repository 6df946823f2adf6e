"""Kubernetes quantities: exact in, exact out."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from planner.io.documents import dump_documents, parse_document
from planner.model.quantity import Quantity, parse_quantity

# resource.Quantity's suffixes, written down by hand from the Kubernetes API conventions.
SUFFIXES = {
    "n": Fraction(1, 1_000_000_000),
    "u": Fraction(1, 1_000_000),
    "m": Fraction(1, 1_000),
    "": Fraction(1),
    "k": Fraction(1_000),
    "M": Fraction(1_000_000),
    "G": Fraction(1_000_000_000),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
    "Ki": Fraction(1_024),
    "Mi": Fraction(1_048_576),
    "Gi": Fraction(1_073_741_824),
    "Ti": Fraction(1_099_511_627_776),
    "Pi": Fraction(1_125_899_906_842_624),
    "Ei": Fraction(1_152_921_504_606_846_976),
}
NUMBERS = st.decimals(
    min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=6
).map(lambda number: format(number, "f"))
MORE = ["NaN", "inf", "1,5", "1.2.3", "\u0661", "1Gi\n", " 1", "1e999"]
QUANTITY = TypeAdapter(Quantity)


@given(number=NUMBERS, suffix=st.sampled_from(sorted(SUFFIXES)))
def test_value_is_the_number_times_its_suffix(number: str, suffix: str) -> None:
    quantity = parse_quantity(number + suffix)
    assert quantity.value == Fraction(Decimal(number)) * SUFFIXES[suffix]


@given(number=NUMBERS, suffix=st.sampled_from(sorted(SUFFIXES)))
def test_text_goes_through_model_and_yaml_unchanged(number: str, suffix: str) -> None:
    quantity = QUANTITY.validate_python(number + suffix)
    text = dump_documents({"cpu": QUANTITY.dump_python(quantity, mode="json")})
    read = parse_document(text, "a.yaml").root.data["cpu"]
    assert read == number + suffix
    assert QUANTITY.validate_python(read) == quantity


@given(number=st.integers(0, 10**15) | st.floats(0, 1e9, allow_subnormal=False))
def test_a_bare_number_means_itself(number: float) -> None:
    """YAML's ``cpu: 2`` and ``cpu: 0.5`` are numbers, and mean that many cores."""
    if number and number < 1e-90:
        return
    assert QUANTITY.validate_python(number).value == Fraction(str(number))


@given(number=st.integers(0, 999), exponent=st.integers(-9, 18))
def test_exponents(number: int, exponent: int) -> None:
    for letter in "eE":
        quantity = parse_quantity(f"{number}{letter}{exponent}")
        assert quantity.value == number * Fraction(10) ** exponent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m",
        "-1",
        "+1",
        "1.5 Gi",
        "1GB",
        "1ki",
        "1K",
        "1mi",
        "0x10",
        "1_000",
        "1e",
        "1e3m",
        *MORE,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        parse_quantity(text)
