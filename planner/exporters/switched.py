"""What a target without health checks answers: one set of answers for each state, by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.exporters.realised import HostRules, Row, cluster_rows, realised_rows
from planner.exporters.route53 import LARGEST_WEIGHT, rounded
from planner.exporters.steering import HostSteering, State, first_up
from planner.exporters.views import QUERY_IDS, View
from planner.model.plan import Plan


@dataclass(frozen=True)
class Switched:
    """Each state has answers of its own, in force once somebody switches to it.

    Attributes
    ----------
    answers : mapping of str to mapping of str to float
        Name of a state to region to share.

    Examples
    --------
    >>> rule = Switched({"up": {"tokyo": 1.0}, "lost.tokyo": {"taipei": 1.0}})
    >>> rule.shares(State("lost.tokyo", ("tokyo",)))
    {'taipei': 1.0}
    """

    answers: Mapping[str, Mapping[str, float]]

    def shares(self, state: State) -> dict[str, float]:
        """Return region to share of a prepared state."""
        return dict(self.answers[state.name])


def by_views(steering: HostSteering, views: Sequence[View], states: Sequence[State]) -> HostRules:
    """Return what CoreDNS answers: each view takes countries whole, or by ranges of query ids.

    Parameters
    ----------
    steering : HostSteering
        What the plan asks.
    views : sequence of View
        The host's blocks; the last takes what is left.
    states : sequence of State
        In the order of each view's `regions`.
    """
    rules = {
        country: Switched({s.name: _answers(views, country, i) for i, s in enumerate(states)})
        for country in steering.countries
    }
    return HostRules(steering, rules, steering.main_order)


def by_weights(steering: HostSteering, states: Sequence[State]) -> HostRules:
    """Return what Route 53 answers through ExternalDNS: each country's shares in 255ths."""
    rules = {
        country: Switched({state.name: _weights(steering, country, state) for state in states})
        for country in steering.countries
    }
    return HostRules(steering, rules, steering.main_order)


def by_main_order(steering: HostSteering, states: Sequence[State]) -> HostRules:
    """Return what plain records answer: everybody is sent where most users are."""
    answers = {state.name: {first_up(steering.main_order, state): 1.0} for state in states}
    rules = dict.fromkeys(steering.countries, Switched(answers))
    return HostRules(steering, rules, steering.main_order)


def realised_facts(
    plan: Plan, hosts: Sequence[HostRules], states: Sequence[State]
) -> tuple[tuple[Row, ...], dict[str, object]]:
    """Return the rows of a target, and what its README says of them.

    Parameters
    ----------
    plan : Plan
        What was decided.
    hosts : sequence of HostRules
        What the target does.
    states : sequence of State
        Promised states.
    """
    rows = realised_rows(plan, hosts, states)
    worst = max(rows, key=lambda row: abs(row.planned_share - row.realised_share), default=None)
    return rows, {"clusters": cluster_rows(plan, rows), "worst": worst, "by_hand": True}


def _answers(views: Sequence[View], country: str, place: int) -> dict[str, float]:
    """Add up the query ids of a country that lead to each region in one state."""
    taken: dict[str, int] = {}
    for view in views:
        ids = QUERY_IDS if country in view.countries else 0
        ids += sum(stop - start for code, start, stop in view.slices if code == country)
        if view.catches_all:
            ids = QUERY_IDS - sum(taken.values())
        taken[view.regions[place]] = taken.get(view.regions[place], 0) + ids
    return {region: ids / QUERY_IDS for region, ids in taken.items() if ids > 0}


def _weights(steering: HostSteering, country: str, state: State) -> dict[str, float]:
    """Return the weights of a country's records as shares."""
    weights = rounded(steering.shares(country, state), LARGEST_WEIGHT)
    return {region: weight / LARGEST_WEIGHT for region, weight in weights}
