"""What a verb does not look at is wrong usage: exit code 2 and the cure, nothing solved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runs import Made, Run

STEERING = ("policy", "steering: adaptive", "set policy.steering to 'static'")
REPLICAS = ("policy", "replicas: hourly", "set policy.replicas to 'fixed'")
PACKING = ("policy", "packing: at_best", "set policy.packing to 'guaranteed'")
RULES = ("dns", "rules: {kind: list}", "set dns.rules.kind to 'any'")

OFFERS = """
hardware:
  months: 2
  offers:
    same:
      server_type: edge-16c
      regions: [taipei, tokyo, singapore]
      buy_usd: 6000.0
      stock: 4
"""


def changed(small: Path, folder: Path, section: str, line: str) -> Path:
    """Write the small scenario, with offers of servers, with one line more in a section."""
    text = small.read_text(encoding="utf-8") + OFFERS
    assert text.count(f"\n{section}:\n") == 1
    file = folder / "changed.yaml"
    file.write_text(text.replace(f"\n{section}:\n", f"\n{section}:\n  {line}\n"), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("verb", "section", "line", "cure"),
    [
        *(
            (verb, *what)
            for verb in ("frontier", "risk", "regret")
            for what in (STEERING, REPLICAS, PACKING, RULES)
        ),
        *(("hardware", *what) for what in (PACKING, RULES)),
    ],
)
def test_what_a_verb_does_not_look_at_is_exit_2_with_the_cure(
    run: Run, small: Path, tmp_path: Path, verb: str, section: str, line: str, cure: str
) -> None:
    folder = tmp_path / "out"
    result = run(verb, changed(small, tmp_path, section, line), "-o", folder)
    assert result.exit_code == 2
    words = " ".join(result.stderr.replace("│", "").split())
    assert "Invalid value for SCENARIO: only " in words
    assert cure in words
    assert not folder.exists()


def test_no_plan_of_rules_is_kept_near_another(
    run: Run, small: Path, made: Made, tmp_path: Path
) -> None:
    ruled, folder = changed(small, tmp_path, *RULES[:2]), tmp_path / "out"
    result = run("optimize", ruled, "-o", folder, "--from", made.folder / "plan.yaml")
    assert result.exit_code == 2
    words = " ".join(result.stderr.replace("│", "").split())
    assert "Invalid value for --from: only shares at will are looked at" in words
    assert RULES[2] in words
    assert not folder.exists()


def test_what_hardware_looks_at_is_not_refused(run: Run, small: Path, tmp_path: Path) -> None:
    result = run("hardware", changed(small, tmp_path, *STEERING[:2]))
    assert result.exit_code == 0
