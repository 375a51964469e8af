"""The record of every request to a model: what for, what came back, and whether it was taken. Training data, kept by reference.

Prompts, schemas and questions are texts under the hash of their content, so that a prompt that is asked a thousand times is
kept once.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from llo11ypop.models.port import Usage
from llo11ypop.models.spending import Amount


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    id: str
    at: datetime
    role: str
    name: str
    model: str
    prompt_hash: str
    request_hash: str
    """The same for the same question to the same model."""
    system: str
    user: str
    schema: str
    """Canonical JSON."""
    output: str
    outcome: str
    """`accepted`, or the reason why not."""
    why: str
    usage: Usage | None
    estimate: Usage
    """What it counts for where the server did not say."""
    latency_s: float
    repairs: str = ""
    """The call whose answer this one was to mend."""
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of an answer that matched its schema."""

    accepted: bool | None
    """None: it was used, and nothing showed whether it was right."""
    why: str = ""
    preferred: Mapping[str, Any] | None = None
    """What stood in its place: the same after grounding, the rule mind's, or a person's."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A call as it is read back."""

    call: Call
    noted: Noted | None = None


class Record(Protocol):
    """Where calls are kept."""

    async def keep(self, call: Call) -> None:
        """Keep a call. Raises LedgerError."""
        ...

    async def note(self, call_id: str, noted: Noted) -> bool:
        """Add what became of it; whether there is such a call. Raises LedgerError."""
        ...

    async def spent(self, since: datetime) -> Amount:
        """What all calls since then came to, estimated where a server did not say. Raises LedgerError."""
        ...

    def all(self) -> AsyncIterator[Kept]:
        """Every call, in order of writing. Raises LedgerError."""
        ...

    async def prune(self, before: datetime) -> int:
        """Delete calls before then, with the texts that nothing else needs; how many. Raises LedgerError."""
        ...
