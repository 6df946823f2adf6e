"""The exceptions of the project, one tree.

::

    PlannerError
    ├── InvalidInput        a file the user gave us; carries every fault
    │   ├── InvalidScenario
    │   ├── InvalidPlan
    │   └── InvalidVariation
    ├── Infeasible          no plan keeps the promises; says which clash and the cheapest way out
    ├── SolverStopped       the search ended, at a limit or by Ctrl-C, before any plan was found
    ├── UnfaithfulExport    a target or its controller would do something else than the plan
    ├── MissingInputs       an export lacks parts of the platform; names all of them
    ├── StaleExport         exported files differ from the plan
    ├── NoWorkers           nobody computes: processes do not start, or a cluster cannot be used
    └── TooManyStates       failure states that would not fit; says how many and what to lower

Pure functions raise plain `ValueError` with a sentence that states the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong with an input, where it is, and how to mend it.

    Attributes
    ----------
    file : str
        The file as the user named it.
    line : int or None
        1-based line, or None where no line can be named (a missing file, say).
    path : str
        Dotted path inside the document, such as ``regions.taipei.latitude_deg``; may be empty.
    message : str
        What is wrong, in a sentence.
    cure : str
        What to do about it; may be empty where the message says it all.
    """

    file: str
    line: int | None
    path: str
    message: str
    cure: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line is not None else "file"
        path = f"  {self.path}:" if self.path else " "
        cure = f"; {self.cure}" if self.cure else ""
        return f"{place}{path} {self.message}{cure}"


class PlannerError(Exception):
    """Root of everything this project raises on purpose."""


class InvalidInput(PlannerError):
    """An input file is wrong; `faults` holds every reason, sorted by file and line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(
            sorted(faults, key=lambda f: (f.file, f.line or 0, f.path, f.message))
        )
        super().__init__(self._text())

    def _text(self) -> str:
        lines: list[str] = []
        for file in dict.fromkeys(f.file for f in self.faults):
            own = [f for f in self.faults if f.file == file]
            lines.append(f"{file}: {len(own)} fault{'s' if len(own) != 1 else ''}")
            lines += [f"  {fault}" for fault in own]
        return "\n".join(lines)


class InvalidScenario(InvalidInput):
    """A scenario file, or a table it names, is wrong."""


class InvalidPlan(InvalidInput):
    """A plan file is wrong."""


class InvalidVariation(InvalidInput):
    """A file that says what a sweep varies is wrong."""


class Infeasible(PlannerError):
    """No plan keeps every promise.

    Attributes
    ----------
    clashes : tuple of str
        Where it shows, each naming its failure state and hour.
    ways_out : tuple of str
        What makes the scenario feasible: all of it together, or one way after the other, cheapest
        first.
    promises : tuple of (str, str)
        Promises that clash, each with its path in the scenario; empty where they were not sought.
    irreducible : bool
        Whether the others of these promises can be kept without any one of them.
    tried : bool
        Whether each way out was found to do by itself.
    together : bool
        Whether ways that were not tried do all of them together only.
    """

    def __init__(
        self,
        clashes: Iterable[str],
        ways_out: Iterable[str],
        promises: Iterable[tuple[str, str]] = (),
        *,
        irreducible: bool = True,
        tried: bool = False,
        together: bool = True,
        lines: Mapping[str, int] | None = None,
    ) -> None:
        self.clashes, self.ways_out = tuple(clashes), tuple(ways_out)
        self.promises, self.irreducible = tuple(promises), irreducible
        self.tried, self.together = tried, together
        super().__init__("\n".join(self._text(lines or {})))

    def at(self, lines: Mapping[str, int]) -> Infeasible:
        """Return the same error with the lines of its promises.

        Parameters
        ----------
        lines : mapping
            Path in the scenario to its line in the file.
        """
        return Infeasible(
            self.clashes,
            self.ways_out,
            self.promises,
            irreducible=self.irreducible,
            tried=self.tried,
            together=self.together,
            lines=lines,
        )

    def _text(self, lines: Mapping[str, int]) -> list[str]:
        """Say it all."""
        said = ["no plan keeps every promise"]
        if self.promises:
            few = "leave out any one and the others of them can be kept"
            said.append(f"these clash; {few if self.irreducible else 'perhaps fewer would do'}:")
            said += [f"  {_promise(*promise, lines)}" for promise in self.promises]
            said += ["it shows here:"] if self.clashes else []
        said += [f"  {clash}" for clash in self.clashes]
        if self.ways_out:
            said += [f"{self._ways()}:", *(f"  {way}" for way in self.ways_out)]
        return said

    def _ways(self) -> str:
        """Say what the ways out are."""
        if self.tried:
            return "ways out, cheapest first, each tried"
        if len(self.ways_out) == 1:
            return "cheapest way out"
        return "cheapest way out, all of it together" if self.together else "ways out, not tried"


def _promise(text: str, path: str, lines: Mapping[str, int]) -> str:
    """Say what is promised and where."""
    line = f"line {lines[path]}  " if path in lines else ""
    return f"{line}{path}: {text}" if path else text


class SolverStopped(PlannerError):
    """The search ended, at a limit or by Ctrl-C, before any plan was found."""


class UnfaithfulExport(PlannerError):
    """A target cannot express the plan, or its controller would do something else."""


class MissingInputs(PlannerError):
    """An export needs what the scenario does not say.

    Attributes
    ----------
    missing : dict
        Target to the paths in the scenario that are missing.
    """

    def __init__(self, missing: Mapping[str, Iterable[str]]) -> None:
        self.missing = {target: tuple(paths) for target, paths in missing.items()}
        lines = ["the scenario does not say what these exports need; nothing is made up:"]
        for target, paths in self.missing.items():
            lines += [f"  {target}", *(f"    {path}" for path in paths)]
        super().__init__("\n".join(lines))


class StaleExport(PlannerError):
    """Exported files differ from what the plan would write now."""


class NoWorkers(PlannerError):
    """Nobody computes: processes do not start, or a cluster cannot be used; says what to do."""


class TooManyStates(PlannerError, ValueError):
    """There are more failure states than fit; the sentence has the number and the cure."""


class TooManyOrders(PlannerError, ValueError):
    """There are more orders of regions than fit; the sentence has the number and the cure."""


class TooManyRules(PlannerError, ValueError):
    """A DNS target can say more than can be listed; the sentence has the cure."""
