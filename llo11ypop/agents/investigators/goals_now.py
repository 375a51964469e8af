"""The fleet against its goals: how healthy it is right now, and whether it gets better or worse."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from llo11ypop.agents.investigators.hypotheses import match_at
from llo11ypop.agents.investigators.inquiry import HOUR, Inquiry, rows_of
from llo11ypop.agents.investigators.losses import UNAVAILABLE
from llo11ypop.agents.investigators.planned import planned_work
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, listed, measure, place, said
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.goal import Direction, Goal
from llo11ypop.core.proposal import OPEN_STATUSES
from llo11ypop.core.window import Window, format_duration

DRIFT = 0.05
"""Relative change from which a goal is called better or worse (our assumption)."""
RECORDED = 0.9
"""Share of a goal's window that must lie after the beginning of telemetry."""
PROPOSALS_SINCE = timedelta(days=30)
HEALTH_COLUMNS = (
    dimension("what"), dimension("name"), dimension("state"), measure("value"), measure("target"), dimension("unit"),
    dimension("finding"),
)  # fmt: skip
TREND_COLUMNS = (
    dimension("goal"), dimension("verdict"), measure("now"), measure("before"), measure("change_pct", "change", "%"),
    measure("target"), dimension("unit"), dimension("window"), dimension("definition"),
)  # fmt: skip


async def health(inquiry: Inquiry) -> Investigated:
    """Goals against targets, nodes out of service, what the playbooks see, and what waits for an answer."""
    goals = inquiry.ground.goals
    plans = {g.now_key: g.now_plan for g in goals}
    nodes = {
        "dataset": "slurm_nodes", "window": "3h", "where": inquiry.where("slurm_nodes"), "by": ["cluster", "node_id"],
        "measures": {"state": {"agg": "last", "field": "state"}, "gpus": {"agg": "last", "field": "gpus"}},
    }  # fmt: skip
    await inquiry.ask({**plans, "nodes": nodes})
    calendar = await planned_work(inquiry, Window(inquiry.at - HOUR, inquiry.at))
    down = [r for r in rows_of(inquiry.last["nodes"]) if r["state"] in _states(UNAVAILABLE)]
    unplanned = [r for r in down if calendar.on_nodes([r["node_id"]], inquiry.at) is None]
    measured = [_goal_row(g, inquiry.last[g.now_key]) for g in goals]
    findings = sorted(
        await match_at(inquiry, inquiry.at), key=lambda f: (inquiry.ground.playbooks[f.playbook].severity, -f.strength)
    )
    total = len(rows_of(inquiry.last["nodes"]))
    rows = [_counted("nodes", "out of service", len(unplanned), total, "nodes", [r["node_id"] for r in unplanned])]
    rows.append(_counted("nodes", "out of service as planned", len(down) - len(unplanned), total, "nodes", []))
    rows.append(_counted("findings", "open problems seen now", len(findings), None, "findings", []))
    rows += await _proposals(inquiry)
    missed = [r for r in measured if r["state"] == "missed"]
    met = [r for r in measured if r["state"] == "met"]
    rows.append(_counted("goals", "missed", len(missed), len(missed) + len(met), "goals", []))
    rows += [*missed, *met, *(r for r in measured if r["state"] not in ("missed", "met"))]
    book, topology = inquiry.ground.playbooks, inquiry.ground.topology
    rows += [
        {
            "what": "finding",
            "name": book[f.playbook].title,
            "state": str(book[f.playbook].severity),
            "finding": place(f.entity, topology),
        }
        for f in findings[:10]
    ]
    inquiry.note("goals are measured over the whole fleet, each over its own window, as configured")
    causes = [Cause(str(r["name"]), 0.5, (f"{r['value']} {r['unit']}, target {r['target']}",)) for r in missed]
    return inquiry.found(_health_sentence(rows, missed), HEALTH_COLUMNS, rows, causes, confident=True)


def _states(expression: str) -> frozenset[str]:
    return frozenset(part for part in expression.split("'")[1::2])


async def _proposals(inquiry: Inquiry) -> list[Row]:
    if inquiry.ground.proposals is None:
        return []
    made = await inquiry.ground.proposals(inquiry.at - PROPOSALS_SINCE)
    waiting = [p for p in made if p.status in OPEN_STATUSES]
    return [
        _counted("proposals", "waiting for an answer or an outcome", len(waiting), None, "proposals", [p.title for p in waiting])
    ]


def _counted(what: str, name: str, count: int, of: int | None, unit: str, who: Sequence[str]) -> Row:
    state = "none" if not count else ""
    return {
        "what": what,
        "name": name,
        "state": state,
        "value": count,
        "target": of,
        "unit": unit,
        "finding": listed(list(who), 8) if who else "",
    }


def value_of(goal: Goal, evidence: Evidence) -> float | None:
    """A goal's value; None where it could not be measured."""
    if evidence.status.tells_nothing:
        return None
    value = goal.value_of(evidence)
    return None if value is None or math.isnan(value) else value


def misses(goal: Goal, value: float) -> bool:
    """Whether a value is on the wrong side of the goal's target."""
    if goal.target is None:
        return False
    return value > goal.target if goal.direction is Direction.DOWN else value < goal.target


def _goal_row(goal: Goal, evidence: Evidence) -> Row:
    value = value_of(goal, evidence)
    state = "unknown" if value is None else "watched" if goal.target is None else "missed" if misses(goal, value) else "met"
    text = "not exported here" if evidence.missing else f"over {format_duration(goal.window)}"
    return {
        "what": "goal", "name": goal.title, "state": state, "value": figure(value, 2), "target": figure(goal.target, 2),
        "unit": goal.unit, "finding": text,
    }  # fmt: skip


def _health_sentence(rows: Sequence[Row], missed: Sequence[Row]) -> str:
    nodes, goals = rows[0], next(r for r in rows if r["what"] == "goals")
    seen = next(r for r in rows if r["what"] == "findings")
    lead = f"{said(nodes['value'])} of {said(nodes['target'])} nodes are out of service unplanned"
    met = f"{said(goals['value'])} of {said(goals['target'])} goals with a target are missed"
    which = f" ({listed([str(r['name']) for r in missed], 3)})" if missed else ""
    waiting = next((r for r in rows if r["what"] == "proposals"), None)
    ends = f"; {count_of(waiting['value'], 'proposal')} open" if waiting is not None else ""
    return f"{lead}; {met}{which}; {count_of(seen['value'], 'problem')} seen right now{ends}."


async def better_or_worse(inquiry: Inquiry) -> Investigated:
    """Every goal now against its value at the end of the earlier period; each over its own window."""
    goals = inquiry.ground.goals
    until, earlier = _instants(inquiry)
    begins = await _begins(inquiry)
    now = await _measured(inquiry, until, goals)
    then = {g.id: min(earlier, until - g.window) for g in goals}
    usable = [g for g in goals if begins is not None and begins <= then[g.id] - g.window * RECORDED]
    before: dict[str, Evidence] = {}
    for at in sorted({then[g.id] for g in usable}):
        before |= await _measured(inquiry, at, [g for g in usable if then[g.id] == at])
    if not usable and begins is not None:
        inquiry.note(
            f"telemetry begins on {begins:%Y-%m-%d}, after the earlier period: each goal is held against its window before"
        )
        usable = [g for g in goals if begins <= until - g.window * (1 + RECORDED)]
        for goal in usable:
            before |= await _measured(inquiry, until - goal.window, [goal])
    rows = [_trend_row(g, now[g.id], before.get(g.id)) for g in goals]
    rank = {"worse": 0, "better": 1, "unchanged": 2, "unknown": 3}
    rows.sort(key=lambda r: (rank[str(r["verdict"])], -abs(r["change_pct"] or 0.0)))
    inquiry.note(
        f"each goal over its own window, ending {until:%Y-%m-%d %H:%MZ} against {earlier:%Y-%m-%d %H:%MZ}, "
        "or against the one just before where the two would overlap"
    )
    inquiry.note(
        f"under {DRIFT:.0%} of change is unchanged (of the shortfall to 100 for shares); unknown where nothing was recorded; "
        "whether a change is beyond chance is not judged here"
    )
    worse = [r for r in rows if r["verdict"] == "worse"]
    causes = [Cause(str(r["goal"]), 0.5, (f"{r['before']} to {r['now']} {r['unit']}",)) for r in worse]
    known = any(r["verdict"] != "unknown" for r in rows)
    return inquiry.found(_trend_sentence(rows), TREND_COLUMNS, rows, causes, confident=known)


async def _measured(inquiry: Inquiry, at: datetime, goals: Sequence[Goal]) -> dict[str, Evidence]:
    """Goal id → evidence of its window that ends at an instant."""
    await inquiry.ask({g.now_key: g.now_plan for g in goals}, at)
    return {g.id: inquiry.last[g.now_key] for g in goals}


def _instants(inquiry: Inquiry) -> tuple[datetime, datetime]:
    """(end of the later period, end of the earlier one)."""
    scope = inquiry.reading.scope
    until = inquiry.window(timedelta(days=7)).end
    if scope.compare is not None and scope.compare.end_at < until:
        return until, scope.compare.end_at
    window = inquiry.window(timedelta(days=7))
    return until, window.start


async def _begins(inquiry: Inquiry) -> datetime | None:
    plan = {"dataset": "slurm_nodes", "window": "399d", "measures": {"first_at": {"agg": "min", "field": "ts"}}}
    rows = await inquiry.ask({"telemetry begins": plan})
    return next((r["first_at"] for r in rows["telemetry begins"]), None)


def _trend_row(goal: Goal, now: Evidence, before: Evidence | None) -> Row:
    value, past = value_of(goal, now), value_of(goal, before) if before is not None else None
    change = (value - past) / abs(past) if value is not None and past else None
    share = goal.unit == "%" and goal.direction is Direction.UP
    moved = abs(value - past) / max(100 - past, 1e-9) if share and value is not None and past is not None else abs(change or 1.0)
    if value is None or past is None:
        verdict = "unknown"
    elif value == past or moved < DRIFT:
        verdict = "unchanged"
    else:
        verdict = "better" if (value > past) == (goal.direction is Direction.UP) else "worse"
    return {
        "goal": goal.title, "verdict": verdict, "now": figure(value, 2), "before": figure(past, 2),
        "change_pct": figure(100 * change if change is not None else None, 0), "target": figure(goal.target, 2),
        "unit": goal.unit, "window": format_duration(goal.window), "definition": goal.definition,
    }  # fmt: skip


def _trend_sentence(rows: Sequence[Row]) -> str:
    groups = {verdict: [r for r in rows if r["verdict"] == verdict] for verdict in ("worse", "better", "unchanged", "unknown")}
    known = len(rows) - len(groups["unknown"])
    if not known:
        return "Unknown: the earlier period was not recorded, so no goal can be compared."
    way = "worse" if len(groups["worse"]) > len(groups["better"]) else "better" if groups["better"] else "about the same"
    parts = [
        f"{verdict}: {listed([_moved(r) for r in groups[verdict]], 3)}" for verdict in ("worse", "better") if groups[verdict]
    ]
    return f"On balance {way}; {'; '.join(parts) if parts else 'no goal moved'}."


def _moved(row: Row) -> str:
    unit = "" if row["unit"] == "1" else f", {row['unit']}"
    return f"{row['goal']} ({said(row['before'])} to {said(row['now'])}{unit})"
