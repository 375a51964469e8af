"""The port of every model mind: one question with a schema in, one checked answer or a reason out."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from llo11ypop.core.errors import Llo11yPopError

ANALYST = "analyst."


class Role(StrEnum):
    """Who asks. Analysts have a role per area: `role_of`."""

    GUARDRAIL = "guardrail"
    DIRECTOR = "director"
    QUERY_WRITER = "query_writer"
    CAUSES = "causes"
    WRITER = "writer"
    JUDGE = "judge"


def role_of(area: str) -> str:
    """The role of an area's analyst, such as `analyst.network`."""
    return f"{ANALYST}{area}"


class Reason(StrEnum):
    """Why there is no answer; the caller then uses its rule mind and says so."""

    NOT_CONFIGURED = "not_configured"
    """No endpoint is set for the role."""
    BUDGET = "budget"
    """A question, a cycle or a day has used what it may."""
    CIRCUIT_OPEN = "circuit_open"
    """The endpoint failed several times in a row and is left alone for a while."""
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    """No connection, or the server failed."""
    AUTH = "auth"
    CUT_OFF = "cut_off"
    """The answer ended at its token limit."""
    PROSE = "prose"
    """Text where JSON was asked for."""
    EMPTY = "empty"
    SCHEMA = "schema"
    """JSON that does not match its schema, also after the repair."""
    REFUSAL = "refusal"
    """The model declined."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; `cost` in the currency of the prices, None where no price is set."""

    tokens_in: int
    tokens_out: int
    tokens_cached: int = 0
    """How many of `tokens_in` the server already had."""
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One question with the schema of its answer."""

    role: str
    name: str
    """Of the schema and prompt, snake_case."""
    prompt_hash: str
    system: str
    """Byte-identical per version of the prompt, so that servers can cache it."""
    user: str
    """What changes, last; data only in blocks made by `llo11ypop.models.prompting`."""
    schema: Mapping[str, Any]
    """JSON Schema of an object."""
    refs: tuple[str, ...] = ()
    """What the call is about: evidence ids, cycle, question."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that matches its schema."""

    value: Mapping[str, Any]
    usage: Usage | None
    """None where the server did not say."""
    latency_s: float
    call_id: str
    """Of the record of the call."""


class Refused(Llo11yPopError):
    """There is no answer of a model; `reason` is a `Reason`. The caller uses its rule mind and says so."""

    def __init__(self, reason: str, message: str, *, next_step: str = "", call_id: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.reason = str(reason)
        self.call_id = call_id
        """Of the record of the call; empty where no endpoint was asked."""


class Model(Protocol):
    """The endpoints of all roles as one."""

    def has(self, role: str) -> bool:
        """Whether an endpoint is set for the role, or for one that it falls back to."""
        ...

    async def ask(self, request: Request) -> Reply:
        """The answer, after at most one repair. Raises Refused, and nothing else."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A model whose calls are kept."""

    async def noted(self, call_id: str, *, accepted: bool | None, why: str, preferred: Mapping[str, Any] | None) -> None:
        """Keep what became of an answer. Never raises."""
        ...


async def note(
    model: Model, call_id: str, *, accepted: bool | None, why: str = "", preferred: Mapping[str, Any] | None = None
) -> None:
    """Say what became of an answer that matched its schema; it becomes training data. Never raises.

    `accepted` is None where it was used and nothing showed whether it was right: that is kept, and is no example. `preferred`
    is what stood in its place, in the same schema: the answer after grounding, the rule mind's, or a person's.
    """
    if isinstance(model, Remembering):
        await model.noted(call_id, accepted=accepted, why=why, preferred=preferred)


class NoModels:
    """No role is set: every agent uses its rule mind."""

    def has(self, role: str) -> bool:
        """Never."""
        return False

    async def ask(self, request: Request) -> Reply:
        """Raises Refused."""
        raise Refused(
            Reason.NOT_CONFIGURED, f"no model is set for the role {request.role}", next_step="set it in config/models.yaml"
        )


NO_MODELS: Model = NoModels()
