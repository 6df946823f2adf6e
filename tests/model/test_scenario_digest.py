"""The digest names what is said, not how it is written."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.io.documents import dump_documents, parse_document
from planner.io.scenarios import read_scenario
from planner.model.scenario import Scenario, digest, normalised

SMALL = Path(__file__).parent.parent / "data" / "good" / "small.yaml"
SCENARIO = read_scenario(SMALL)


def shuffled(value: Any, dice: random.Random) -> Any:
    """The same data with the keys of every mapping in another order."""
    if isinstance(value, dict):
        keys = dice.sample(sorted(value), len(value))
        return {key: shuffled(value[key], dice) for key in keys}
    return [shuffled(member, dice) for member in value] if isinstance(value, list) else value


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all numbers."""
    if isinstance(value, dict):
        return [leaf for key in value for leaf in leaves(value[key], (*path, key))]
    return [path] if isinstance(value, int | float) and not isinstance(value, bool) else []


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_order_of_keys_does_not_matter(seed: int) -> None:
    data = shuffled(normalised(SCENARIO), random.Random(seed))
    read = parse_document(dump_documents(data), "a.yaml").root.data
    assert digest(Scenario.model_validate(read)) == digest(SCENARIO)


def test_defaults_and_the_form_of_numbers_do_not_matter() -> None:
    data = parse_document(SMALL.read_text(encoding="utf-8"), "a.yaml").root.data
    data["policy"].update(ceiling_normal_share=0.60, split_origins=True)
    data["regions"]["taipei"]["uplink_gbps"] = 10
    del data["dns"]["ttl_s"]
    assert digest(Scenario.model_validate(data)) == digest(SCENARIO)


def test_every_number_matters() -> None:
    for path in leaves(normalised(SCENARIO)):
        data = normalised(SCENARIO)
        *above, last = path
        here = data
        for step in above:
            here = here[step]
        here[last] = here[last] / 2 if isinstance(here[last], float) else here[last] + 1
        if here[last] == 0:
            here[last] = 0.25
        changed = Scenario.model_validate(data)
        assert digest(changed) != digest(SCENARIO), path


def test_it_is_a_sha_256() -> None:
    kind, _, figure = digest(SCENARIO).partition(":")
    assert kind == "sha256"
    assert len(bytes.fromhex(figure)) == 32
