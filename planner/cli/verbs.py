"""The verbs, known by name and sentence; a verb's file is imported when the verb is called.

So ``planner --help`` costs neither numpy nor matplotlib, and only `optimize` ever loads what draws.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from planner.cli.exits import finished

VERBS = {
    "check": "Say every fault of a scenario with its line; nothing is computed.",
    "optimize": "Decide replicas, weights and shares; write plan, manifests and pictures.",
    "simulate": "Say what every failure does to a plan, and replay events on it.",
    "frontier": "Trace cost against latency for each level of survival; every point is a plan.",
    "explain": "Say why each number of a plan is what it is, and what would change it.",
    "sweep": "Optimise and judge many variants of a scenario; goes on where it stopped.",
    "risk": "Say what is lost in the worst part of the time; find the plan that loses least.",
    "regret": "Choose replicas before it is known which of some demands comes.",
    "hardware": "Choose which servers to buy or to rent in each region, and when.",
    "hours": "Let replicas follow the day: totals of every hour, weights, and what that saves.",
    "packing": "Say how many replicas the pools hold, in any order of arrival and packed at best.",
    "export": "Write the files of some targets from a plan, or compare them.",
    "schema": "Print the JSON Schema of the scenario, for editors.",
}


class Verb(TyperCommand):
    """A verb that is loaded when it is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Load the verb's file and let its command take over."""
        return _loaded(str(self.name)).make_context(info_name, args, parent=parent, **extra)


class Verbs(TyperGroup):
    """The group of all verbs; what goes wrong in one ends in a sentence and an exit code."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, sentence in VERBS.items():
            self.add_command(Verb(name, help=sentence))

    def invoke(self, ctx: Any) -> Any:
        """Run a verb."""
        with finished():
            return super().invoke(ctx)


def _loaded(name: str) -> Any:
    """Return the command of a verb: the function of its name in the file of its name."""
    verb = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    verb.command(name, help=VERBS[name])(getattr(import_module(f"planner.cli.{name}"), name))
    return get_command(verb)
