"""Is a node a lemon: its failures, repairs, tickets and exclusions against what chance and the fleet's own unevenness allow."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from llo11ypop.agents.investigators.faults import REPAIRS, fatal_where, nodes_plan
from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.planned import planned_work
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, dimension, figure, measure, said
from llo11ypop.analysis.counts import poisson_tail
from llo11ypop.core.entity import Entity
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import Window

WINDOW = timedelta(days=28)
"""A lemon shows over four weeks (Kokolis et al. 2024, RSC)."""
SHAPE = 0.9
"""Shape of the gamma over nodes' fault rates (negative binomial that fits the InfiniteHBD trace)."""
RARE = 0.01
UNLIKELY = 0.05
FAR_BEYOND = 0.001
KINDS_NEEDED = 2
"""Kinds of sign that must be beyond chance, or one with as many more that are unlikely, of which one is enough where the first
is far beyond: one kind alone is one fault that keeps coming (our assumption)."""
LONG = ("critical checks", "days out")
"""Signs that one long fault gives by itself: they do not count as a further kind."""
MOST_LISTED = 10
COLUMNS = (
    dimension("sign"), measure("node", "this node", better="lower"), measure("fleet_mean", "mean of the others", better="lower"),
    measure("rank", "place from the top"), measure("nodes", "of nodes"), measure("chance_pct", "chance of so many", "%"),
    dimension("beyond", "beyond chance"),
)  # fmt: skip
SIGNS = {
    "fatal GPU events": "hours with a fatal GPU event",
    "single-node job losses": "jobs lost with the node",
    "critical checks": "days with a critical check",
    "repairs": "repairs",
    "tickets": "tickets",
    "exclusions": "users who exclude it",
    "days out": "days out of service unplanned",
}


async def lemon(inquiry: Inquiry) -> Investigated:
    """Judge the named node; without one, list the nodes that look like lemons."""
    window = inquiry.window(WINDOW)
    counts, nodes = await read_counts(inquiry, window)
    named = (
        inquiry.reading.scope.entity("node")
        or inquiry.reading.scope.entity("node_id")
        or next(iter(inquiry.reading.scope.values("node_id")), None)
    )
    inquiry.note(f"from {window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}, or since telemetry began; planned work is left out")
    inquiry.note(f"lemon: several kinds of sign that nodes as uneven as real ones show with under {RARE:.0%} chance")
    if named is None:
        return _list(inquiry, counts, nodes)
    if named not in nodes:
        return inquiry.found(f"Unknown: there is no node {named} in service.", COLUMNS, [])
    rows = judge(named, counts, nodes)
    beyond = [r for r in rows if r["beyond"] == "yes"]
    verdict = is_lemon(rows)
    causes = [
        Cause(str(r["sign"]), 1 - (r["chance_pct"] or 0) / 100, (f"{r['node']}, others {r['fleet_mean']}",)) for r in beyond
    ]
    return inquiry.found(_sentence(named, rows, beyond, verdict), COLUMNS, rows, causes, confident=verdict or not beyond)


def named_node(inquiry: Inquiry) -> str | None:
    """The node that a question names."""
    scope = inquiry.reading.scope
    named = scope.entity("node") or next(iter(scope.values("node_id")), None)
    words = re.findall(r"[\w.-]+", inquiry.reading.question)
    return named or next((w for w in words if Entity(Level.NODE, w) in inquiry.ground.topology), None)


async def read_counts(inquiry: Inquiry, window: Window) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Sign → node → how much of it; and all nodes."""
    span = inquiry.span(window)
    one = {"n": {"agg": "count"}}
    by_hour = {"window": span, "by": ["node_id"], "bucket": {"every": "1h"}, "measures": one}
    by_day = {"window": span, "by": ["node_id"], "bucket": {"every": "1d"}, "measures": one}
    lost = "state in ('NODE_FAIL', 'BOOT_FAIL') and job_nodes = 1"
    out = "state in ('down', 'drained', 'fail', 'failing', 'inval')"
    users = {"n": {"agg": "count_distinct", "field": "user"}}
    plans: dict[str, Any] = {
        "fatal GPU events": by_hour | {"dataset": "gpu_events", "where": fatal_where(inquiry.ground)},
        "single-node job losses": by_hour | {"dataset": "slurm_job_nodes", "where": lost},
        "critical checks": by_day | {"dataset": "health_checks", "where": "result = 2"},
        "repairs": by_hour | {"dataset": "remediations", "where": REPAIRS},
        "tickets": by_hour | {"dataset": "tickets", "where": "node_id != ''"},
        "exclusions": {"dataset": "user_exclusions", "window": span, "by": ["node_id"], "measures": users},
        "days out": by_day | {"dataset": "slurm_nodes", "where": out},
        "nodes": nodes_plan(inquiry, leave_out=("node_id",)),
    }
    rows = await inquiry.ask(plans)
    calendar = await planned_work(inquiry, window)
    counts: dict[str, dict[str, float]] = {}
    for sign in SIGNS:
        mine = counts.setdefault(sign, {})
        for row in rows[sign]:
            planned = "bucket" in row and calendar.on_nodes([row["node_id"]], row["bucket"]) is not None
            if not planned:
                mine[row["node_id"]] = mine.get(row["node_id"], 0.0) + (row["n"] if sign == "exclusions" else 1)
    return counts, [r["node_id"] for r in rows["nodes"]]


def judge(node: str, counts: Mapping[str, Mapping[str, float]], nodes: Sequence[str]) -> list[Row]:
    """One row per sign, the least likely first."""
    rows = []
    for sign, by_node in counts.items():
        own = by_node.get(node, 0.0)
        others = [by_node.get(n, 0.0) for n in nodes if n != node]
        mean = sum(others) / len(others) if others else 0.0
        chance = uneven_tail(own, mean)
        rank = 1 + sum(o > own for o in others)
        rows.append(
            {"sign": SIGNS[sign], "node": figure(own), "fleet_mean": figure(mean, 2), "rank": rank, "nodes": len(nodes),
             "chance_pct": figure(100 * chance, 2), "beyond": "yes" if own >= KINDS_NEEDED and chance < RARE else "no"}
        )  # fmt: skip
    return sorted(rows, key=lambda r: (r["chance_pct"], r["sign"]))


def lemons(counts: Mapping[str, Mapping[str, float]], nodes: Sequence[str]) -> list[str]:
    """The nodes that look like lemons."""
    return [node for node in nodes if is_lemon(judge(node, counts, nodes))]


def is_lemon(rows: Sequence[Row]) -> bool:
    """Whether the signs of a node are of more than one kind and beyond chance."""
    kinds = [r for r in rows if r["sign"] not in {SIGNS[name] for name in LONG}]
    beyond = [r for r in kinds if r["beyond"] == "yes"]
    unlikely = [r for r in kinds if r["chance_pct"] < 100 * UNLIKELY and r["node"] >= KINDS_NEEDED and r not in beyond]
    if len(beyond) != 1:
        return len(beyond) >= KINDS_NEEDED
    return len(unlikely) >= (1 if beyond[0]["chance_pct"] < 100 * FAR_BEYOND else KINDS_NEEDED)


def uneven_tail(count: float, mean: float) -> float:
    """Chance of so many where nodes' rates differ as a gamma (negative binomial); Poisson where nothing was seen elsewhere."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return poisson_tail(count, 1e-3)
    p = mean / (mean + SHAPE)
    term = below = math.pow(1 - p, SHAPE)
    for k in range(1, math.ceil(count)):
        term *= p * (k - 1 + SHAPE) / k
        below += term
    return max(0.0, 1 - below)


def _list(inquiry: Inquiry, counts: Mapping[str, Mapping[str, float]], nodes: Sequence[str]) -> Investigated:
    found = []
    for node in nodes:
        rows = judge(node, counts, nodes)
        if is_lemon(rows):
            found.append((node, [r for r in rows if r["chance_pct"] < 100 * UNLIKELY]))
    found.sort(key=lambda f: (-len(f[1]), min(r["chance_pct"] for r in f[1]), f[0]))
    columns = (dimension("node_id", "node"), *COLUMNS)
    table = [{"node_id": node, **row} for node, beyond in found[:MOST_LISTED] for row in beyond]
    names = [node for node, _ in found]
    if not names:
        return inquiry.found("No node looks like a lemon: none stands out in two kinds of sign.", columns, rows)
    causes = [
        Cause(node, min(1.0, len(beyond) / 5), tuple(str(r["sign"]) for r in beyond)) for node, beyond in found[:MOST_LISTED]
    ]
    return inquiry.found(f"Lemons: {', '.join(names[:MOST_LISTED])}.", columns, table, causes, confident=True)


def _sentence(node: str, rows: Sequence[Row], beyond: Sequence[Row], verdict: bool) -> str:
    leading = [r for r in rows if r["chance_pct"] < 100 * UNLIKELY and (r["node"] or 0) >= KINDS_NEEDED]
    if not beyond and leading:
        seen = ", ".join(f"{_counted(r)} (others {said(r['fleet_mean'])})" for r in leading[:3])
        chance = f"{said(leading[0]['chance_pct'])} % of nodes as uneven as real ones have as many"
        return f"Not enough to call {node} a lemon: no sign is beyond chance, though it has {seen}; {chance}."
    if not beyond:
        most = max(rows, key=lambda r: r["node"] or 0)
        seen = f"{_counted(most)}, others {said(most['fleet_mean'])}" if most["node"] else "it shows none of the signs"
        return f"No, {node} is not a lemon: nothing is beyond chance ({seen})."
    texts = ", ".join(f"{_counted(r)} (others {said(r['fleet_mean'])})" for r in beyond[:3])
    if verdict:
        return f"Yes, {node} looks like a lemon: {texts}."
    return f"Not enough to call {node} a lemon: too few kinds of sign are beyond chance, {texts}."


def _counted(row: Row) -> str:
    """'3 repairs', '1 user who excludes it'."""
    sign = str(row["sign"])
    if row["node"] == 1:
        noun, _, rest = sign.partition(" ")
        sign = f"{noun.removesuffix('s')} {rest.replace('exclude', 'excludes')}".strip()
    return f"{said(row['node'])} {sign}"
