"""What the loop, the console and the command line need from the ledger. Its rows are the truth about approvals.

Every writing call is one transaction: all of it is stored, or none. All calls may raise LedgerError; its
`transient` says whether trying again may help. Instants are the caller's; no order and no uniqueness depends on them.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from llo11ypop.approvals.post import Post
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import Outcome, Proposal, ProposalStatus, Verdict
from llo11ypop.core.vocabulary import Action
from llo11ypop.models.record import Record

MEASURE_AFTER = timedelta(hours=1)
"""How long after an approval its outcome is due when nothing else is said. Our assumption."""


class Filed(StrEnum):
    """What filing did."""

    NEW = "new"
    EXISTING = "existing"
    """An open proposal has the same dedup key (or this one is filed already); nothing was written."""


class Stored(StrEnum):
    """What storing a verdict did."""

    NOW = "now"
    ALREADY = "already"
    """The proposal does not wait for an answer (any more)."""
    CHANGED = "changed"
    """The evidence is not what was filed; the approval would be void."""
    UNKNOWN = "unknown"
    """No such proposal."""


class ThreadState(StrEnum):
    """Where the approval of a proposal stands, whatever a graph's checkpoint says."""

    WAITING = "waiting"
    ANSWERED = "answered"
    """A final verdict is stored; its receipt is not."""
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class Touch:
    """A proposal seen again in a cycle."""

    proposal_id: str
    at: datetime
    confidence: float
    children: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run of the loop."""

    id: str
    at: datetime
    config_hash: str
    status: str
    """`open`, `done` or `abandoned`."""
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApprovalThread:
    """The approval of one proposal: what a paused graph thread is only the cursor of."""

    proposal_id: str
    round: int
    """0 at filing; one more each time the proposal is reopened after it was answered."""
    state: ThreadState
    evidence_hash: str
    lease_until: datetime | None = None
    """Until when one process resumes it; others leave it alone."""


@dataclass(frozen=True, slots=True)
class Order:
    """An approved action with the exact arguments, as an executor gets it."""

    key: str
    """Idempotency key: the proposal's id, with `#n` after the n-th reopening."""
    proposal_id: str
    action: Action
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Due:
    """An approved proposal whose outcome should be measured now."""

    proposal: Proposal
    approved_at: datetime
    action: Action
    """The action as approved, which an edit may have changed."""
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What retention removed."""

    proposals: tuple[str, ...]
    """Ids; their graph threads can go too."""
    evidence: int
    cycles: int


class Ledger(Protocol):
    """The durable memory of the loop."""

    async def open_cycle(self, cycle_id: str, at: datetime, config_hash: str) -> None:
        """Note that a cycle began."""
        ...

    async def close_cycle(self, cycle_id: str, report: Mapping[str, Any], at: datetime | None = None) -> None:
        """Keep the cycle's report and mark it done."""
        ...

    async def abandon_cycles(self) -> int:
        """Mark every open cycle as abandoned (its observations are stale); how many there were."""
        ...

    async def last_cycle(self) -> Cycle | None:
        """The cycle that was opened last, in order of opening; none before the first."""
        ...

    async def cycles(self, limit: int = 50) -> list[Cycle]:
        """The latest cycles, newest first."""
        ...

    async def file(self, proposal: Proposal, evidence: Sequence[Evidence] = ()) -> Filed:
        """Store a proposal with its evidence, its approval thread and its outbox rows.

        Every cited evidence id must be given here or be stored already, else LedgerError.
        """
        ...

    async def touch(self, proposal_id: str, at: datetime, *, confidence: float, children: Iterable[dict[str, Any]] = ()) -> bool:
        """Note that an open proposal was seen again; False when it is not open."""
        ...

    async def touch_many(self, touches: Sequence[Touch]) -> int:
        """`touch` for many in one transaction; how many were open."""
        ...

    async def reopen(self, proposal_id: str, at: datetime, cycle_id: str) -> bool:
        """Make a closed proposal pending again; False when open, unknown, or another open one has its key."""
        ...

    async def clear(self, proposal_id: str, at: datetime) -> bool:
        """Close a pending or snoozed proposal whose symptom went away; False when it does not wait."""
        ...

    async def proposals(
        self,
        status: ProposalStatus | Iterable[ProposalStatus] | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[Proposal]:
        """Proposals in order of filing; `since` is about `created_at`; `limit` keeps the latest."""
        ...

    async def proposal(self, proposal_id: str) -> Proposal | None:
        """One proposal; none when unknown."""
        ...

    async def find_by_dedup(self, dedup_key: str, since: datetime | None = None) -> Proposal | None:
        """The proposal with this key filed last (and seen or created at or after `since`), open or closed."""
        ...

    async def save_evidence(self, evidence: Sequence[Evidence]) -> int:
        """Store evidence that no proposal cites yet; what is stored stays as it is. How many were new."""
        ...

    async def evidence(self, evidence_id: str) -> Evidence | None:
        """One piece of evidence with its rows; none when unknown or pruned."""
        ...

    async def thread(self, proposal_id: str) -> ApprovalThread | None:
        """The approval of a proposal; none when the proposal is unknown."""
        ...

    async def threads(self, state: ThreadState) -> list[ApprovalThread]:
        """All approvals in a state, in order of filing; waiting ones only while their proposal waits, too."""
        ...

    async def lease(self, proposal_id: str, at: datetime, span: timedelta) -> bool:
        """Take the right to resume an answered thread; False while another holds it."""
        ...

    def holding(self, proposal_id: str) -> AbstractAsyncContextManager[bool]:
        """Whether this process alone carries out an answer, as long as it lives and is inside; not by any clock."""
        ...

    async def record_verdict(
        self,
        proposal_id: str,
        verdict: Verdict,
        *,
        shown: str = "",
        autonomy: str = "propose",
        lease: timedelta,
    ) -> Stored:
        """Store a verdict, its feedback record and the new status, if the proposal waits. One caller wins.

        `shown` is the text the rater saw. A final verdict also leases the thread to the caller for `lease`.
        """
        ...

    async def verdicts(self, proposal_id: str) -> list[Verdict]:
        """Everything that was answered, oldest first, snoozes included."""
        ...

    async def final_verdict(self, proposal_id: str) -> Verdict | None:
        """The verdict of the current round that is not a snooze; none while the proposal waits."""
        ...

    async def begin_order(self, order: Order, at: datetime) -> dict[str, Any] | None:
        """Note that an order is being carried out; its receipt when that was already done."""
        ...

    async def finish_order(self, key: str, receipt: Mapping[str, Any], at: datetime) -> None:
        """Keep what the executor returned."""
        ...

    async def receipt(self, key: str) -> dict[str, Any] | None:
        """What the executor returned; none when it has not finished."""
        ...

    async def close_thread(self, proposal_id: str, round_: int) -> None:
        """Mark the approval as recorded: nothing is left to resume."""
        ...

    async def overdue(self, at: datetime) -> list[str]:
        """Ids of pending proposals whose time is over; nothing is changed (`expire_due` does that)."""
        ...

    async def unsnooze(self, at: datetime) -> list[str]:
        """Make snoozed proposals pending whose time has come; their ids."""
        ...

    async def due_outcomes(self, at: datetime, after: timedelta = MEASURE_AFTER) -> list[Due]:
        """Approved proposals whose approval is at least `after` old and whose outcome is not recorded."""
        ...

    async def record_outcome(self, outcome: Outcome, *, final: bool = True) -> bool:
        """Store an outcome and join it to the feedback; a final one closes the proposal. False unless approved."""
        ...

    async def outcomes(self, proposal_id: str) -> list[Outcome]:
        """Outcomes in order of recording."""
        ...

    async def feedback(self, after_seq: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
        """Feedback records in order of writing, each with its `seq` and joined `outcome`."""
        ...

    @property
    def post(self) -> Post:
        """The outbox and what channels remember, in the same database."""
        ...

    @property
    def model_calls(self) -> Record:
        """The record of model calls, in the same database."""
        ...

    async def prune(self, before: datetime) -> Pruned:
        """Remove closed proposals, unused evidence and cycles older than `before`; never an open proposal."""
        ...

    async def close(self) -> None:
        """Release the connection."""
        ...
