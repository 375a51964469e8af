"""A run as one self-contained HTML page: figures, tables, and every case with what was said."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from llo11ypop.evals.suite.metrics import BARS
from llo11ypop.evals.suite.report import COLUMNS, HEADS, LINES, cell, seconds, shown


def page(result: Mapping[str, Any]) -> str:
    """The page of what `as_json` gives. Everything that was asked or answered is escaped."""
    pages = Environment(
        loader=PackageLoader("llo11ypop.evals.suite"), autoescape=True, undefined=StrictUndefined, trim_blocks=False
    )
    return pages.get_template("suite.html").render(
        result=result, lines=LINES, columns=COLUMNS, heads=HEADS, shown=shown, cell=cell, seconds=seconds,
        bars={name: f"{way} {bar:g}" for name, way, bar in BARS}, classes=_classes(result),
    )  # fmt: skip


def _classes(result: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, way, bar in BARS:
        value = result[name]
        if value is not None:
            found[name] = "good" if (value >= bar if way == ">=" else value <= bar) else "bad"
    return found
