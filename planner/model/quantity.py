"""Kubernetes quantities, read and written exactly.

A quantity is a decimal number with a suffix: ``500m`` cores are half a core, ``1.5Gi`` are
1,610,612,736 bytes.  The text the user wrote is kept, so nothing is lost between the scenario
and a manifest; the value is a fraction, so nothing is rounded on the way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

_SUFFIXES: dict[str, Fraction] = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    **{letter: Fraction(1000 ** (i + 1)) for i, letter in enumerate("kMGTPE")},
    **{f"{letter}i": Fraction(1024 ** (i + 1)) for i, letter in enumerate("KMGTPE")},
}
_PATTERN = (
    r"^([0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
    r"(?:([eE][+-]?[0-9]{1,2})|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$"
)


@dataclass(frozen=True)
class Quantity:
    """A Kubernetes quantity: the text as written and its exact value.

    Attributes
    ----------
    text : str
        As written, such as ``1.5Gi``; written out again unchanged.
    value : Fraction
        In base units: cores, or bytes.

    References
    ----------
    Kubernetes API conventions, "Resource quantities"; apimachinery ``resource.Quantity``.
    """

    text: str
    value: Fraction

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept text, a number or a quantity; serialise as the text."""
        return core_schema.no_info_plain_validator_function(
            _validated, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the text form; a bare number is allowed as in Kubernetes."""
        return {
            "anyOf": [{"type": "string", "pattern": _PATTERN}, {"type": "number", "minimum": 0}]
        }

    def __str__(self) -> str:
        return self.text


def parse_quantity(text: str) -> Quantity:
    """Read a Kubernetes quantity.

    Parameters
    ----------
    text : str
        A non-negative decimal number with an optional suffix or exponent.

    Returns
    -------
    Quantity
        The text and its exact value.

    Raises
    ------
    ValueError
        If the text is not a quantity.

    Examples
    --------
    >>> parse_quantity("500m").value
    Fraction(1, 2)
    >>> parse_quantity("1.5Gi").value
    Fraction(1610612736, 1)
    >>> parse_quantity("1e3").value
    Fraction(1000, 1)
    """
    match = re.fullmatch(_PATTERN, text)
    if match is None:
        raise ValueError(f"'{text}' is not a Kubernetes quantity such as '500m', '2' or '1.5Gi'")
    number, exponent, suffix = match.groups()
    scale = Fraction(10) ** int(exponent[1:]) if exponent else _SUFFIXES[suffix or ""]
    return Quantity(text, Fraction(number) * scale)


def gib(quantity: Quantity) -> float:
    """Return a memory quantity in GiB.

    Examples
    --------
    >>> gib(parse_quantity("1536Mi"))
    1.5
    """
    return float(quantity.value / 1024**3)


def _validated(value: object) -> Quantity:
    """Turn text or a plain number into a quantity, or say what is wrong."""
    if isinstance(value, Quantity):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a Kubernetes quantity such as '500m', '2' or '1.5Gi'")
    return parse_quantity(str(value))
