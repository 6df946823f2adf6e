"""Text formats: jinja templates in which a name that is not given is an error."""

from __future__ import annotations

import shlex
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


def text(template: str, /, **values: object) -> str:
    """Fill a template of this package.

    Parameters
    ----------
    template : str
        File name below ``templates/``.
    **values : object
        What the template names. In scripts every value passes the filter ``quoted``.

    Returns
    -------
    str
        The text, with a final newline.

    Raises
    ------
    jinja2.UndefinedError
        If the template names something that is not given.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    """Build the environment once; nothing here is HTML, and scripts quote by `quoted`."""
    environment = Environment(
        loader=PackageLoader("planner.exporters", "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["quoted"] = shlex.quote
    return environment
