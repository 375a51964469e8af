"""What there is to learn from: an answer with a judgement on it, or two answers to the same question of which one is better."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

Messages = tuple[tuple[str, str], ...]
"""(role, text) of a conversation: system, user."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an example comes from."""

    at: datetime
    kind: str
    """`model call` or `verdict`."""
    role: str
    """The agent it is for."""
    group: str
    """What must not be in two splits: one question, one incident."""
    version: str
    """Of the prompt, or of the policy."""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer that was good, or not."""

    prompt: Messages
    completion: str
    good: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt."""

    prompt: Messages
    chosen: str
    rejected: str
    source: Source


Example = Judged | Pair


@dataclass(frozen=True, slots=True)
class Gathered:
    """Examples, and what was left out and why."""

    examples: Sequence[Example]
    left_out: dict[str, int]
