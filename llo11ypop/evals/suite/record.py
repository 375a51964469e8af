"""What is kept of a case that ran on a fleet: enough for every figure, for the report, and to compare with the next run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One question of a case."""

    question: str
    status: str
    kind: str
    """What was wanted: answerable, no_data, clarify, declined, or either."""
    result: str | None
    """right, silent_wrong, asked_back or declined, of answerable questions."""
    status_right: bool
    passed: bool
    problems: tuple[str, ...]
    text: str = ""
    reading: str = ""
    routed: bool | None = None
    said: int = 0
    """Numbers, instants and names of the sentence."""
    loose: int = 0
    """Those that nothing cited bears out."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ParaphraseRecord:
    """The same question in other words."""

    question: str
    status: str
    same: bool
    """It gave the same rows, or the same refusal, as the question itself."""
    passed: bool
    result: str | None
    problems: tuple[str, ...] = ()
    said: int = 0
    loose: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """One case on one fleet."""

    id: str
    fleet: str
    """Such as 'full seed 3'."""
    level: str
    analyst: str
    agent: str
    """Of component cases."""
    tags: tuple[str, ...]
    passed: bool
    turns: tuple[TurnRecord, ...] = ()
    paraphrases: tuple[ParaphraseRecord, ...] = ()
    missing: str = ""
    """Why it does not apply to this fleet."""
    error: str = ""
    """What broke in the harness or in the case itself; such a record counts neither as passed nor as failed."""
    wanted_allowed: bool | None = None
    """Of guard cases: whether the question should be let in."""
    runs: int = 1
    """How often it was run; it passes only when every run did, with the same rows."""

    @property
    def judged(self) -> bool:
        """Whether it says anything about the system."""
        return not self.missing and not self.error

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def record_from_json(found: Mapping[str, Any]) -> Record:
    """A record of an earlier run. Raises KeyError and TypeError for what is none."""
    turns = tuple(TurnRecord(**{**t, "problems": tuple(t["problems"])}) for t in found["turns"])
    others = tuple(ParaphraseRecord(**{**p, "problems": tuple(p["problems"])}) for p in found["paraphrases"])
    return Record(**{**found, "tags": tuple(found["tags"]), "turns": turns, "paraphrases": others})
