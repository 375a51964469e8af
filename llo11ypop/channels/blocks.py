"""What a ticket says, as blocks without any markup language. Renderers turn them into ADF, wiki markup or plain text.

Text from telemetry stays text in every renderer: nothing in it becomes a link, a mention or a macro.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a part."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; with an empty header, facts: a name and a value per row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Text of a fixed form, such as a query."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """An address of our own, from the settings: never from telemetry."""

    text: str
    href: str


Block: TypeAlias = Heading | Paragraph | Bullets | Grid | Code | Link

_LONGEST = 2_000


def clean(text: object, longest: int = _LONGEST) -> str:
    """Text on one line without control characters and direction overrides, cut to a length."""
    shown = "".join(c if c.isprintable() else " " for c in str(text))
    flat = " ".join(shown.split())
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip() + "…"


def value(given: Any, longest: int = 80) -> str:
    """One value of a table."""
    if given is None:
        return "–"
    if isinstance(given, float):
        return f"{given:,.4g}" if abs(given) < 1e6 else f"{given:,.0f}"  # noqa: PLR2004
    return clean(given, longest) or "–"


def facts(pairs: Sequence[tuple[str, str]]) -> Grid:
    """Names and values; those without a value are left out."""
    return Grid((), tuple((name, said) for name, said in pairs if said))
