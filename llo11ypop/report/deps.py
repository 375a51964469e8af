"""What a report needs, and what it reads: live clients enter by closure, everything read is kept as evidence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from llo11ypop.agents.reporter.facts import FoundBy
from llo11ypop.approvals.ledger import Ledger
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.core.fleet import Topology
from llo11ypop.ooda.deps import Deps
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import TelemetryStore
from llo11ypop.report.period import Night
from llo11ypop.report.scope import OUTSIDE, Reader

Row = dict[str, object]
EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a site sets about its reports. Defaults are our assumptions."""

    night: Night = field(default_factory=Night)
    price_per_gpu_hour: float | None = None
    """None: no currency is claimed."""
    currency: str = "USD"
    replay_every: timedelta = timedelta(minutes=15)
    """Cadence at which the loop is run again where nobody ran it."""
    most_cycles: int = 96
    """A longer period is replayed at a wider cadence, so that a report does not take for ever."""


@dataclass(frozen=True)
class ReportDeps:
    """Everything a report is built from."""

    loop: Deps
    """Store, catalog, playbooks, goals, ledger and limits of the loop."""
    scratch_ledger: Callable[[], Ledger]
    """A ledger that is thrown away: for the replay."""
    fatal_xids: tuple[int, ...]
    cadence: timedelta
    """How often the loop runs, where it runs."""
    terms: Terms = Terms()
    reader: Reader = field(default_factory=Reader)
    found_by: FoundBy | None = None
    """None: by the ledger where the loop ran in the period, else by replay."""


@dataclass
class Notebook:
    """One report's reading: asks the store, and keeps what came back."""

    store: TelemetryStore
    at: datetime = EPOCH
    """The report's instant; set when a report begins."""
    topology: Topology = field(default_factory=Topology)
    kept: dict[str, Evidence] = field(default_factory=dict)

    async def read(self, plans: Mapping[str, Plan], at: datetime | None = None) -> dict[str, Evidence]:
        """Run plans as of the report's instant (or another) and keep the evidence. Raises what the store raises."""
        found = await self.store.run_many(plans, at or self.at) if plans else {}
        self.kept.update({e.id: e for e in found.values()})
        return found


def rows(evidence: Evidence) -> list[Row]:
    """The rows as dicts; none where nothing matched or nothing is exported."""
    found: list[Row] = evidence.rows.to_pylist()
    return found


def gap(evidence: Evidence, what: str) -> str:
    """Why `what` cannot be said; empty when it can, also where the true answer is nothing."""
    if evidence.note == OUTSIDE:
        return f"{what}: {OUTSIDE}"
    if evidence.status is EvidenceStatus.NOT_EXPORTED:
        return f"{what}: not exported here ({', '.join(evidence.missing)})"
    if evidence.status is EvidenceStatus.UNREAD:
        return f"{what}: not read ({evidence.note})"
    if evidence.status is EvidenceStatus.NO_DATA:
        return f"{what}: no telemetry arrived"
    return f"{what}: cut off, there are more rows than were read" if evidence.truncated else ""
