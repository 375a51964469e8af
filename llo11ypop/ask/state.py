"""The state of the conversation's graph: plain JSON. Rows stay with the turn's work; a thread keeps the scope of each turn."""

from typing import Any, TypedDict

TURNS_KEPT = 20
"""Turns of a thread that are remembered (our choice): follow-ups inherit from the last one."""


class Turn(TypedDict):
    """What a thread remembers of one question."""

    question: str
    status: str
    text: str
    reading: str
    scope: str
    """`language.Scope` as JSON text; empty where nothing was read."""
    at: str


class AskState(TypedDict, total=False):
    """One thread. `question` is the input; the others are written by the nodes."""

    question: str
    at: str
    turn: str
    """Key of the turn's work in this process."""
    route: str
    """Where the director sent it: `answer`, `retrieve` or `deepen`."""
    again: bool
    """Whether models read it too."""
    areas: list[str]
    turns: list[Turn]
    answer: dict[str, Any]
    """The last answer as JSON, with its first rows."""


class AnalystState(TypedDict):
    """What one `Send` to an analyst carries."""

    turn: str
    area: str
    route: str
