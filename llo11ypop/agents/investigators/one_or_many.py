"""Are several alerts one problem or many: same time, same place up the topology, and more than chance brings together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.agents.investigators.hardware_or_model import named_instant
from llo11ypop.agents.investigators.hypotheses import match_at
from llo11ypop.agents.investigators.inquiry import HOUR, MINUTE, Inquiry
from llo11ypop.agents.investigators.planned import planned_work
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, listed, measure, minute, moment, place, said
from llo11ypop.analysis.counts import poisson_tail
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import Window

AROUND = 20 * MINUTE
"""Sensors are read every 10 minutes: alerts of one minute arrive within two readings."""
TOGETHER = 15 * MINUTE
"""Longest time between the onsets of two alerts of one problem (bursts of three nodes in ten minutes, InfiniteHBD trace)."""
BEFORE = timedelta(days=2)
FEW = 3
"""Problems up to this many are all named in the sentence."""
SHARED = (Level.NODE, Level.RACK, Level.SWITCH, Level.ROW)
"""What alerts of one problem share, near before far. A cluster alone is no common cause."""
KINDS: Mapping[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "fan": (
        ("fan",),
        {
            "dataset": "node_hw",
            "where": "sensor_type = 'fan' and state = 'Enabled' and reading < lower_critical",
            "by": ["node_id", "sensor_id"],
        },
    ),
    "power supply": (
        ("psu", "power"),
        {
            "dataset": "node_hw",
            "where": "sensor_type = 'psu' and (health = 'Critical' or input_voltage_v < 100)",
            "by": ["node_id", "sensor_id"],
        },
    ),
    "link": (("link", "port", "nic"), {"dataset": "fabric_ports", "where": "port_state = 'DOWN'", "by": ["node_id", "port_id"]}),
    "GPU error": (("xid", "gpu", "error"), {"dataset": "gpu_events", "where": "kind = 'xid'", "by": ["node_id", "gpu_uuid"]}),
    "health check": (("check", "health"), {"dataset": "health_checks", "where": "result = 2", "by": ["node_id", "check_name"]}),
    "node": (
        ("node", "drain", "down"),
        {"dataset": "slurm_nodes", "where": "state in ('down', 'drained', 'fail')", "by": ["node_id"]},
    ),
    "temperature": (
        ("temperature", "hot", "thermal", "inlet"),
        {"dataset": "node_hw", "where": "sensor_type = 'inlet_temp' and reading > 32", "by": ["node_id", "sensor_id"]},
    ),
}
"""Kind of alert → (words that ask for it, which rows show it)."""
COLUMNS = (
    measure("problem"),
    dimension("place", "in common"),
    measure("alerts"),
    measure("nodes"),
    moment("first_at", "first"),
    moment("last_at", "last"),
    dimension("kinds"),
    dimension("known", "known as"),
    dimension("who", "where"),
    measure("alerts_in_all"),
    moment("asked_at", "asked about"),
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that began to be wrong."""

    kind: str
    node: str
    part: str
    at: datetime


async def one_or_many(inquiry: Inquiry) -> Investigated:
    """Group the alerts around an instant. Says so when there were none."""
    when = named_instant(inquiry)
    window = Window(when - AROUND, min(when + AROUND, inquiry.at)) if when else inquiry.window(timedelta(hours=2))
    kinds = asked_kinds(inquiry.reading.question)
    alerts, usual = await _alerts(inquiry, window, kinds)
    what = " or ".join(kinds) if len(kinds) < len(KINDS) else "alert"
    asked = f"around {minute(when)}" if when else f"from {minute(window.start)} to {minute(window.end)}"
    calendar = await planned_work(inquiry, window)
    planned = [a for a in alerts if calendar.on_nodes([a.node], a.at) is not None]
    alerts = [a for a in alerts if a not in planned]
    if planned:
        inquiry.note(f"{count_of(len(planned), 'alert')} on nodes under planned work left out")
    moments = {"alerts_in_all": len(alerts), "asked_at": when}
    if not alerts:
        inquiry.note("an alert counts when it begins within 20 minutes of the time")
        if all(inquiry.missing(kind) for kind in kinds):
            return inquiry.found(f"Unknown: nothing was recorded that shows a {what} alert.", COLUMNS, [])
        none = {"problem": 0, "alerts": 0, "nodes": 0, **moments}
        text = f"There is no {what} alert {asked} that was not planned: neither one problem nor many."
        return inquiry.found(text, COLUMNS, [none])
    groups = grouped(alerts, inquiry.ground.topology)
    found = await match_at(inquiry, min(window.end, inquiry.at))
    rows = []
    for number, group in enumerate(groups, start=1):
        known = [f for f in found if f.since >= window.start - HOUR and _same_place(f.entity, group, inquiry.ground.topology)]
        titles = [inquiry.ground.playbooks[f.playbook].title for f in known[:2]]
        rows.append(_row(number, group, inquiry, titles) | moments)
    chance = poisson_tail(len(alerts), usual)
    inquiry.note(f"alerts of one problem begin within {TOGETHER / MINUTE:g} minutes and share a node, rack, switch or row")
    inquiry.note(f"{usual:.2g} such alerts begin in as long a time on average; so many by chance: {chance:.2g}")
    causes = [
        Cause(f"{r['known'] or 'unknown'} in {r['place']}", 0.8 if r["known"] else 0.4, (f"{r['alerts']} alerts",)) for r in rows
    ]
    return inquiry.found(_sentence(rows, len(alerts), what, asked), COLUMNS, rows, causes, confident=len(alerts) > 1)


def asked_kinds(question: str) -> list[str]:
    """The kinds of alert that a question names; all where it names none."""
    words = question.casefold()
    return [kind for kind, (asks, _) in KINDS.items() if any(a in words for a in asks)][:2] or list(KINDS)


async def _alerts(inquiry: Inquiry, window: Window, kinds: Sequence[str]) -> tuple[list[Alert], float]:
    """What began in the window, and how much begins in as long a time usually."""
    outer = Window(window.start - BEFORE, window.end)
    earlier = {"agg": "count", "over": inquiry.span(Window(outer.start, window.start))}
    first = {"agg": "min", "field": "ts", "over": inquiry.span(window)}
    recent = {"agg": "count", "over": inquiry.span(Window(window.start - timedelta(hours=2), window.start))}
    plans = {
        kind: KINDS[kind][1]
        | {"window": inquiry.span(outer), "measures": {"first_at": first, "earlier": earlier, "recent": recent}}
        for kind in kinds
    }
    rows = await inquiry.ask(plans)
    alerts, before = [], 0
    for kind in kinds:
        for row in rows[kind]:
            part = str(row.get("sensor_id") or row.get("port_id") or row.get("gpu_uuid") or row.get("check_name") or "")
            if row["first_at"] is not None and not row["recent"]:
                alerts.append(Alert(kind, row["node_id"], part, row["first_at"]))
            before += bool(row["earlier"])
    share = (window.end - window.start) / (window.start - outer.start)
    return sorted(alerts, key=lambda a: (a.at, a.node, a.part)), before * share


def grouped(alerts: Sequence[Alert], topology: Topology) -> list[list[Alert]]:
    """Alerts that belong together, the largest group first."""
    groups: list[list[Alert]] = []
    for alert in alerts:
        mine = [g for g in groups if any(belong(alert, other, topology) for other in g)]
        joined = [alert, *(a for g in mine for a in g)]
        groups = [g for g in groups if g not in mine] + [sorted(joined, key=lambda a: (a.at, a.node, a.part))]
    return sorted(groups, key=lambda g: (-len(g), g[0].at, g[0].node))


def belong(one: Alert, other: Alert, topology: Topology) -> bool:
    """Whether two alerts may be of one problem."""
    if abs(one.at - other.at) > TOGETHER:
        return False
    first, second = (topology.ancestors(Entity(Level.NODE, a.node)) for a in (one, other))
    return any(p.level in SHARED for p in first & second)


def _same_place(entity: Entity, group: Sequence[Alert], topology: Topology) -> bool:
    nodes = {Entity(Level.NODE, a.node) for a in group}
    return any(topology.contains(entity, n) or topology.contains(n, entity) for n in nodes)


def common_place(nodes: Sequence[str], topology: Topology, *, wired: bool) -> Entity | None:
    """The smallest thing that all nodes are or lie in, or (`wired`) hang on; none when they share nothing."""
    shared: frozenset[Entity] | None = None
    for node in nodes:
        around = topology.ancestors(Entity(Level.NODE, node))
        shared = around if shared is None else shared & around
    order = SHARED if wired else tuple(level for level in SHARED if level is not Level.SWITCH)
    return next((p for level in (*order, Level.CLUSTER) for p in sorted(shared or ()) if p.level is level), None)


def _row(number: int, group: Sequence[Alert], inquiry: Inquiry, known: Sequence[str]) -> Row:
    nodes = sorted({a.node for a in group})
    where = common_place(nodes, inquiry.ground.topology, wired=any(a.kind == "link" for a in group))
    return {
        "problem": number, "place": place(where, inquiry.ground.topology) if where else "nothing", "alerts": len(group),
        "nodes": len(nodes), "first_at": group[0].at, "last_at": max(a.at for a in group),
        "kinds": ", ".join(sorted({a.kind for a in group})), "known": "; ".join(dict.fromkeys(known)),
        "who": listed([f"{a.part} of {a.node}".removeprefix(" of ") for a in group], 9),
    }  # fmt: skip


def _sentence(rows: Sequence[Row], alerts: int, what: str, asked: str) -> str:
    lead = f"{count_of(figure(alerts), what + (' alert' if what != 'alert' else ''))} {asked}"
    first = rows[0]
    known = f" ({first['known']})" if first["known"] else ""
    if len(rows) == 1:
        same = "one alert" if alerts == 1 else f"one problem: they share {first['place']} and began together"
        return f"{lead}: {same}{known}."
    number = f"{lead}: {said(rows[-1]['problem'])} problems"
    if len(rows) <= FEW:
        return f"{number}, which share neither place nor time: {listed([_told(r) for r in rows])}."
    return f"{number}; the largest is in {first['place']} with {count_of(first['alerts'], 'alert')}{known}."


def _told(row: Row) -> str:
    """'node gpu-b-001 (power supply: Power supply failure)'."""
    return f"{row['place']} ({row['kinds']}{': ' + row['known'] if row['known'] else ''})"
