"""The approval desk: ledger, graph and clock put together, as the daemon, the console and the command line use it."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from llo11ypop.approvals.answer import answer
from llo11ypop.approvals.checkpoints import open_checkpoints, size_bytes
from llo11ypop.approvals.graph import ApprovalDeps, build_approval
from llo11ypop.approvals.recover import Reconciled, expire_due, reconcile, resume_answered, unsnooze_due
from llo11ypop.approvals.settle import Answered
from llo11ypop.approvals.threads import ApprovalGraph, forget, forget_lost, start
from llo11ypop.core.proposal import Verdict


@dataclass(frozen=True)
class Desk:
    """Starts, answers, expires and recovers approvals."""

    deps: ApprovalDeps
    graph: ApprovalGraph

    async def start(self, proposal_id: str) -> None:
        """Begin to wait for an answer to a filed or reopened proposal."""
        await start(self.deps.ledger, self.graph, proposal_id)

    async def answer(self, proposal_id: str, verdict: Verdict, *, seen_hash: str = "") -> Answered:
        """Answer one proposal."""
        return await answer(self.deps.ledger, self.graph, proposal_id, verdict, check=self.deps.check, seen_hash=seen_hash)

    async def expire_due(self, at: datetime) -> list[str]:
        """Expire what waited too long; ids."""
        return await expire_due(self.deps.ledger, self.graph, at)

    async def unsnooze_due(self, at: datetime) -> list[str]:
        """Wake what was snoozed; ids."""
        return await unsnooze_due(self.deps.ledger, at)

    async def forget(self, proposal_ids: Iterable[str]) -> None:
        """Delete the threads of what `Ledger.prune` removed."""
        await forget(self.graph, proposal_ids)

    async def resume_answered(self, at: datetime) -> Reconciled:
        """Carry out what was answered but is not recorded, unless another process is at it."""
        return await resume_answered(self.deps.ledger, self.graph, at)

    async def forget_lost(self, before: datetime) -> int:
        """Delete old threads whose proposal is gone; how many."""
        return await forget_lost(self.deps.ledger, self.graph, before)

    async def threads_bytes(self) -> int | None:
        """What the threads take in a database; none where a file's size says it. Raises LedgerError."""
        return await size_bytes(self.graph.checkpointer)

    async def reconcile(self, at: datetime) -> Reconciled:
        """Repair what a crash left."""
        return await reconcile(self.deps.ledger, self.graph, at)


@asynccontextmanager
async def open_desk(deps: ApprovalDeps, checkpoints: Path | str | None) -> AsyncIterator[Desk]:
    """A desk whose threads are kept in a file, a PostgreSQL (its address), or memory without either. Raises LedgerError."""
    async with open_checkpoints(checkpoints) as saver:
        yield Desk(deps, build_approval(deps).compile(checkpointer=saver, name="approval"))
