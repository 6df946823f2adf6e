"""JSON files whose objects refer to each other before they have ids."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePosixPath

from planner.model.manifest import Manifest

FILTER = """# Puts ids in place of references: jq --slurpfile ids ids.json -f ids.jq FILE
walk(
  if type == "string" then ($ids[0][.] // .)
  elif type == "object" then with_entries(.key |= ($ids[0][.] // .))
  else . end
)
"""
"""A jq program; a reference such as ``pool:taipei`` is no id of anything."""


def json_text(content: object) -> str:
    r"""Write JSON, keys in the order given, ASCII only, with a final newline.

    Examples
    --------
    >>> json_text({"a": ["\u2028"]})
    '{\n  "a": [\n    "\\u2028"\n  ]\n}\n'
    """
    return json.dumps(content, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def id_files(folder: PurePosixPath, references: Iterable[str]) -> tuple[Manifest, Manifest]:
    """Return a table of references, to be filled with ids, and the program that puts them in.

    Parameters
    ----------
    folder : PurePosixPath
        Where they stand.
    references : iterable of str
        References as the other files have them.
    """
    table = {reference: reference for reference in references}
    return (
        Manifest(folder / "ids.json", json_text(table)),
        Manifest(folder / "ids.jq", FILTER),
    )


def templates_escaped(value: object) -> object:
    """Return JSON for Terraform in which no string is a template.

    Terraform reads ``${`` and ``%{`` in the strings of its JSON syntax as templates.

    Examples
    --------
    >>> templates_escaped({"name": ["${file(1)}", "%{if a}"]})
    {'name': ['$${file(1)}', '%%{if a}']}
    """
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, dict):
        return {templates_escaped(key): templates_escaped(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [templates_escaped(item) for item in value]
    return value
