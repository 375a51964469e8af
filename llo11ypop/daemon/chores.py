"""What the daemon looks after beside cycles: answers that never come, outcomes, what may be deleted."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from llo11ypop.core.clock import Clock, SystemClock
from llo11ypop.core.proposal import OPEN_STATUSES
from llo11ypop.daemon.compose import Composed
from llo11ypop.daemon.conversing import forgotten
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

if TYPE_CHECKING:
    from llo11ypop.ooda.deps import Deps

log = logger(__name__)


@dataclass
class Chores:
    """One coroutine per job; each may raise LedgerError or StoreError and is tried again at its next turn."""

    built: Composed
    clock: Clock
    deps: "Callable[[], Deps]"
    """The configuration in force."""
    forget_statements: Callable[[timedelta], Awaitable[int]] | None = None
    """Forgets what was heard in channels longer ago; how many."""

    async def recover(self) -> None:
        """After a start: abandon cycles that a crash left open, and resume or re-file approvals."""
        if abandoned := await self.built.ledger.abandon_cycles():
            log.warning(Event.CYCLES_ABANDONED, count=abandoned)
        found = await self.built.desk.reconcile(self.clock.now())
        log.info(
            Event.APPROVALS_RECONCILED,
            started=len(found.started),
            resumed=len(found.resumed),
            failed=dict(found.failed),
        )

    async def expire(self) -> None:
        """Expire what waited too long, wake up what was snoozed, carry out what was answered but never done, count."""
        now = self.clock.now()
        if expired := await self.built.desk.expire_due(now):
            log.info(Event.PROPOSALS_EXPIRED, proposals=expired)
        await self.built.desk.unsnooze_due(now)
        found = await self.built.desk.resume_answered(now)
        if found.resumed or found.failed:
            log.info(Event.APPROVALS_RECONCILED, started=0, resumed=len(found.resumed), failed=dict(found.failed))
        await self.count_open()

    async def count_open(self) -> None:
        """Refresh the gauge of open proposals."""
        metrics.PROPOSALS_OPEN.clear()
        for proposal in await self.built.ledger.proposals(OPEN_STATUSES):
            metrics.PROPOSALS_OPEN.labels(proposal.action.name.value).inc()

    async def outcomes(self) -> None:
        """Measure approved actions that are due, and let the policy learn from them."""
        from llo11ypop.ooda.outcomes import measure_outcomes

        deps = self.deps()
        for outcome in await measure_outcomes(deps, self.clock.now()):
            log.info(
                Event.OUTCOME_RECORDED,
                proposal_id=outcome.proposal_id,
                symptom_cleared=outcome.symptom_cleared,
                improved=outcome.improved,
            )
        await deps.policy.learn_from(self.built.ledger)

    async def retain(self) -> None:
        """Delete closed proposals with their threads, unused evidence, cycles and conversations older than the settings keep."""
        keep = self.built.settings.retention.closed
        removed = await self.built.ledger.prune(self.clock.now() - keep)
        await self.built.desk.forget(removed.proposals)
        await self.built.desk.forget_lost(SystemClock().now() - keep)
        if self.forget_statements is not None:
            await self.forget_statements(self.built.settings.retention.closed)
        metrics.CHECKPOINT_BYTES.set(await self._threads_bytes())
        conversations = await forgotten(self.built.settings, SystemClock().now() - self.built.settings.retention.conversations)
        calls = await self.built.ledger.model_calls.prune(SystemClock().now() - self.built.settings.retention.model_calls)
        log.info(
            Event.RETENTION_DONE,
            conversations=conversations,
            proposals=len(removed.proposals),
            evidence=removed.evidence,
            cycles=removed.cycles,
            model_calls=calls,
        )

    async def _threads_bytes(self) -> int:
        size = await self.built.desk.threads_bytes()
        path = self.built.settings.ledger.checkpoints
        return size if size is not None else path.stat().st_size if path.exists() else 0
