"""What to keep an eye on today: who waits for an answer, which nodes fail again and again, planned work, short parts."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from llo11ypop.agents.reporter.facts import FoundBy, Period, PlannedWork, Repeater, ShortPart, Waiting, Watch
from llo11ypop.agents.reporter.said import spoken
from llo11ypop.analysis.risk import base_rate, count_in, rank
from llo11ypop.approvals.ledger import Ledger
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import OPEN_STATUSES, Proposal
from llo11ypop.query.plan import Plan
from llo11ypop.report.deps import Notebook, gap, rows
from llo11ypop.report.found import Found
from llo11ypop.report.places import Places
from llo11ypop.report.scope import Reader

DAY_S = 86400.0
AHEAD = timedelta(days=1)
REPEATS = 2
"""A node is listed from this many days with a fault in 30 on (the simplest rule of thumb that beats none)."""
MOST_REPEATERS = 5
USED_DAYS = 90
"""Use of a part is averaged over this long: replacements are rare (our assumption)."""
HELD_BACK = "held back"


async def measure_watch(
    book: Notebook,
    period: Period,
    found: Found,
    ahead: Sequence[PlannedWork],
    places: Places,
    *,
    ledger: Ledger,
    reader: Reader,
    fatal_xids: Sequence[int],
) -> Watch:
    """Everything as of the report's instant that the reader may know. Raises what store and ledger raise."""
    read = await book.read({"faults": faults_plan(fatal_xids), "parts": PARTS})
    listed, base = repeaters(read["faults"], period, places)
    held = tuple(f"{s['cause']} on {s['entity']}" for s in found.held_back if s["why"].startswith(HELD_BACK))
    gaps = (gap(read["faults"], "repeated faults"), gap(read["parts"], "stock of parts"))
    return Watch(
        waiting=await _waiting(found, ledger, period, places, reader),
        repeaters=listed,
        base_rate=base,
        planned=tuple(w for w in ahead if w.end > period.at and w.start < period.at + AHEAD),
        parts=short_parts(read["parts"]),
        evidence=tuple(e.id for e in read.values()),
        held_back=tuple(dict.fromkeys(held)),
        gaps=tuple(g for g in gaps if g),
    )


async def _waiting(found: Found, ledger: Ledger, period: Period, places: Places, reader: Reader) -> tuple[Waiting, ...]:
    """From the ledger everything that is open, however old; in a replay what was still seen at the end."""
    if found.by is FoundBy.LEDGER:
        still = [p for p in await ledger.proposals(OPEN_STATUSES) if p.created_at <= period.at]
        return _listed(reader.proposals(still, places), period, places, asked=True)
    still = [p for p in found.proposals if p.status in OPEN_STATUSES and p.last_seen_at == period.end]
    return _listed(still, period, places, asked=False)


def _listed(proposals: Sequence[Proposal], period: Period, places: Places, *, asked: bool) -> tuple[Waiting, ...]:
    ordered = sorted(proposals, key=lambda p: (p.severity, p.created_at, p.id))
    return tuple(
        Waiting(
            proposal_id=p.id,
            title=f"{p.cause_title}: {spoken(str(p.entities[0]), places.nodes_of(p.entities[:1]))}",
            severity=p.severity.value,
            status=p.status.value if asked else "not asked",
            action=p.action.name.value,
            waits_h=max(0.0, (period.at - (p.created_at if asked else p.since)).total_seconds() / 3600),
            expires_at=p.expires_at if asked else None,
            if_nothing_done=p.if_nothing_done,
        )
        for p in ordered
    )


def faults_plan(fatal_xids: Sequence[int]) -> Plan:
    """Days on which a node had a fatal XID or lost a job, as far back as a forecast remembers."""
    codes = ", ".join(str(c) for c in fatal_xids) or "0"
    count = {"signs": {"agg": "count"}}
    common = {"window": "60d", "by": ["node_id"], "bucket": {"every": "1d"}, "measures": count}
    steps = {
        "xids": {"dataset": "gpu_events", "where": f"kind = 'xid' and code in ({codes})", **common},
        "failed": {"dataset": "slurm_job_nodes", "where": "state in ('NODE_FAIL', 'BOOT_FAIL') and job_nodes = 1", **common},
        "both": {"op": "union", "sources": ["xids", "failed"]},
        "result": {
            "op": "group", "source": "both", "by": ["node_id", "bucket"],
            "measures": {"signs": {"agg": "sum", "field": "signs"}},
        },
    }  # fmt: skip
    return Plan.model_validate({"steps": steps})


def repeaters(faults: Evidence, period: Period, places: Places) -> tuple[tuple[Repeater, ...], float]:
    """Nodes with repeated faults, the most at risk first, and the base rate of all nodes; (none, 0) without any fault."""
    seen = [(str(r["node_id"]), at) for r in rows(faults) if r["node_id"] and isinstance(at := r["bucket"], datetime)]
    if not seen:
        return (), 0.0
    first = min(at for _, at in seen)
    events: dict[str, list[float]] = {node: [] for node in places.node_cluster}
    for node, at in seen:
        events.setdefault(node, []).append((at - first).total_seconds() / DAY_S)
    sorted_events = {node: sorted(days) for node, days in events.items()}
    today = (period.at - first).total_seconds() / DAY_S
    risky = [r for r in rank(sorted_events, today) if count_in(sorted_events[r.node], today, 30) >= REPEATS]
    listed = tuple(
        Repeater(r.node, places.node_cluster.get(r.node, ""), r.last_30, r.probability) for r in risky[:MOST_REPEATERS]
    )
    return listed, base_rate(sorted_events, today)


PARTS = Plan.model_validate(
    {
        "steps": {
            "stock": {
                "dataset": "supply_chain",
                "window": "21d",
                "by": ["part_no", "part_type", "vendor"],
                "measures": {
                    "stock": {"agg": "last", "field": "stock_on_hand"},
                    "on_order": {"agg": "last", "field": "on_order"},
                    "lead_days": {"agg": "last", "field": "lead_time_days"},
                    "single_source": {"agg": "last", "field": "single_source"},
                    "as_of": {"agg": "max", "field": "ts"},
                },
            },
            "used": {
                "dataset": "parts_replacements",
                "window": f"{USED_DAYS}d",
                "by": ["part_no"],
                "measures": {"used": {"agg": "count"}, "first_at": {"agg": "min", "field": "ts"}},
            },
            "span": {"op": "group", "source": "used", "measures": {"since": {"agg": "min", "field": "first_at"}}},
            "one_used": {"op": "derive", "source": "used", "columns": {"one": "1"}},
            "one_span": {"op": "derive", "source": "span", "columns": {"one": "1"}},
            "rate": {"op": "join", "left": "one_used", "right": "one_span", "on": ["one"]},
            "both": {"op": "join", "left": "stock", "right": "rate", "on": ["part_no"]},
            "result": {
                "op": "derive",
                "source": "both",
                "columns": {
                    "over_days": "greatest(28, seconds_between(since, as_of) / 86400)",
                    "needed": "used * lead_days / over_days",
                },
            },
        }
    }
)
"""Stock beside what the lead time is expected to use up; over the days since the first replacement that is known, at least 28."""


def short_parts(parts: Evidence) -> tuple[ShortPart, ...]:
    """Parts whose stock lies below the expected use within their lead time, the worst first."""
    short = []
    for row in rows(parts):
        needed = float(str(row["needed"] or 0))
        part = ShortPart(
            part_no=str(row["part_no"]),
            part_type=str(row["part_type"]),
            vendor=str(row["vendor"]),
            stock=int(str(row["stock"] or 0)),
            on_order=int(str(row["on_order"] or 0)),
            lead_days=float(str(row["lead_days"] or 0)),
            used=int(str(row["used"] or 0)),
            needed=float(math.ceil(needed)),
            single_source=bool(row["single_source"]),
        )
        if part.stock < part.needed:
            short.append(part)
    return tuple(sorted(short, key=lambda p: (p.stock - p.needed, p.part_no)))
