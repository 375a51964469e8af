"""Sentences from rows: `{rpm:.0f}` becomes the figure of the row, an absent one 'unknown', an instant its UTC minute."""

import math
from collections.abc import Mapping
from datetime import datetime
from string import Formatter
from typing import Any


class _RowFormatter(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return "unknown"
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M}Z"
        try:
            return format(value, format_spec)
        except (ValueError, TypeError):
            return str(value)


_FORMATTER = _RowFormatter()


def render(template: str, row: Mapping[str, Any]) -> str:
    """The template with the row's figures. Raises KeyError for a column the row does not have."""
    return _FORMATTER.vformat(template, (), row)


def names_in(template: str) -> tuple[str, ...]:
    """The columns a template mentions. Raises ValueError for unbalanced braces and for anything but plain column names."""
    names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    for name in names:
        if not name.isidentifier():
            raise ValueError(f"'{{{name}}}' is not a column name")
    return tuple(names)
