"""What programs of shares at will and of the guaranteed packing limit cannot be asked about."""

from __future__ import annotations

from planner.problem.arrays import Problem


def refuse_rules_and_packing(problem: Problem, what: str) -> None:
    """Refuse a problem whose rules of DNS or whose packing a program does not know.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    what : str
        The program, as the subject of a sentence.

    Raises
    ------
    ValueError
        If DNS rules bind, or plans are made with the packing limit at best.
    """
    if problem.rules is not None and problem.rules.kind != "any":
        raise ValueError(f"{what} knows shares at will only; set dns.rules.kind to 'any'")
    if problem.packing == "at_best":
        raise ValueError(
            f"{what} knows the guaranteed packing limit only; set policy.packing to 'guaranteed'"
        )
