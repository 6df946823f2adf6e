"""Run every benchmark and write RESULTS.md: ``python tests/benchmarks/run_all.py``.

``--peer-limit`` is handed to the benchmark of adaptive steering; its default takes half an hour.
``--only bench_static`` measures that one again and leaves the other sections as they are.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

PREFACE = """# Results of the benchmarks

Written by `python tests/benchmarks/run_all.py`; do not edit. Seconds are wall time, each side of a
line in a process of its own, one after the other. A peer is the same problem written out and handed
to a general solver; one that was stopped counts as its limit (stated where it is shorter than
600 s), and its ratio is a lower bound (≥). "Peer's objective" is how much more its best plan costs
than ours. The machine was not free of other work; "of it on a core" is the processor time that the
peer's process really had.
"""


def first_words(script: Path) -> tuple[str, str]:
    """Return the title and the rest of a script's docstring."""
    text = ast.get_docstring(ast.parse(script.read_text())) or script.stem
    title, _, rest = text.partition("\n")
    return title.rstrip("."), rest.strip()


def section(script: Path, options: list[str]) -> str:
    """Run one benchmark and return its section."""
    command = [sys.executable, str(script), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    title, rest = first_words(script)
    output = done.stdout.strip()
    if "|---" not in output:
        output = f"```\n{output}\n```"
    return f"## {title}\n\n{rest}\n\n{output}\n"


def standing() -> dict[str, str]:
    """Return the sections of the results that stand, by title."""
    path = HERE / "RESULTS.md"
    text = path.read_text() if path.exists() else ""
    parts = [part for part in re.split(r"^(?=## )", text, flags=re.MULTILINE) if part[:3] == "## "]
    return {part[3:].partition("\n")[0]: part.rstrip("\n") + "\n" for part in parts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-limit", nargs="+", help="seconds, one for each seed")
    parser.add_argument("--only", help="name of one script, without .py")
    given = parser.parse_args()
    limits = ["--peer-limit", *given.peer_limit] if given.peer_limit else []
    scripts = sorted(HERE.glob("bench_*.py"))
    measured = {
        script: section(script, limits if script.stem == "bench_adaptive" else [])
        for script in scripts
        if given.only in (None, script.stem)
    }
    # Read after the measuring: somebody may have measured another section meanwhile.
    known = standing()
    parts = [measured.get(script, known.get(first_words(script)[0])) for script in scripts]
    (HERE / "RESULTS.md").write_text("\n".join([PREFACE, *(part for part in parts if part)]))


if __name__ == "__main__":
    main()
