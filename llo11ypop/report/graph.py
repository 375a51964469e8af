"""The report as a LangGraph graph: find → place → (hit, goals, watch, blind) → say.

The state carries plain JSON; what was read stays in the notebook that the graph closes over, so a graph makes one report.
"""

from dataclasses import replace
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy, TimeoutPolicy

from llo11ypop.agents.reporter.agent import report_on
from llo11ypop.agents.reporter.facts import Blind, Facts, Goals, Hit, Incident, Looked, Period, PlannedWork, Watch
from llo11ypop.core.errors import is_transient
from llo11ypop.ooda.state import from_json, to_json
from llo11ypop.query.topology import read_topology
from llo11ypop.report.blind import measure_blind
from llo11ypop.report.days import by_day
from llo11ypop.report.deps import Notebook, ReportDeps
from llo11ypop.report.found import Found, find
from llo11ypop.report.goals import measure_goals
from llo11ypop.report.hit import measure_hit
from llo11ypop.report.incidents import PLANNED_WHY, incidents_of, planned_work
from llo11ypop.report.places import Places, read_places
from llo11ypop.report.scope import Reader
from llo11ypop.report.watch import AHEAD, measure_watch

READ = TimeoutPolicy(run_timeout=600)
"""Longest a node that reads telemetry may take."""
REPLAY = TimeoutPolicy(run_timeout=3600)
"""Longest the loop may be run again: a quarter of a year at the widest cadence."""
HARMLESS = "harmless: "
Json = dict[str, Any]


class ReportState(TypedDict, total=False):
    """One report in the making: records of `agents.reporter.facts` as JSON objects."""

    period: Json
    looked: Json
    incidents: list[Json]
    planned: list[Json]
    hit: Json
    goals: Json
    watch: Json
    blind: Json
    facts: Json
    """All of them together, as far as the reader may know them."""
    said: Json
    """The finished text, a `Said` as JSON."""


class Desk:
    """What the nodes of one report share and what is no JSON: places, and what was found."""

    def __init__(self, deps: ReportDeps, book: Notebook) -> None:
        self.deps, self.book, self.reader = deps, book, deps.reader
        self.places: Places | None = None
        self.found: Found | None = None
        self.ahead: tuple[PlannedWork, ...] = ()

    def ready(self) -> tuple[Places, Found]:
        """Both, once `find` has run."""
        if self.places is None or self.found is None:
            raise RuntimeError("a report begins with its first node")
        return self.places, self.found


def build_report_graph(deps: ReportDeps, book: Notebook) -> StateGraph[ReportState]:
    """Wire one report. Start it with `{"period": …}`."""
    desk = Desk(deps, book)
    graph = StateGraph(ReportState)
    retry = RetryPolicy(max_attempts=2, retry_on=is_transient)
    graph.add_node("find", _find(desk), timeout=REPLAY, retry_policy=retry)
    graph.add_node("hit", _hit(desk), timeout=READ, retry_policy=retry)
    graph.add_node("goals", _goals(desk), timeout=READ, retry_policy=retry)
    graph.add_node("watch", _watch(desk), timeout=READ, retry_policy=retry)
    graph.add_node("blind", _blind(desk), timeout=READ, retry_policy=retry)
    graph.add_node("say", _say(desk))
    graph.add_edge(START, "find")
    for measured in ("hit", "goals", "watch", "blind"):
        graph.add_edge("find", measured)
    graph.add_edge(["hit", "goals", "watch", "blind"], "say")
    graph.add_edge("say", END)
    return graph


def _find(desk: Desk) -> Any:
    async def node(state: ReportState) -> ReportState:
        deps, book, period = desk.deps, desk.book, from_json(Period, state["period"])
        book.at = period.at
        desk.reader = await deps.reader.known_to(deps.loop.store, period.at)
        book.topology = await read_topology(book.store, period.at)
        places = desk.places = await read_places(book)
        found = desk.found = _for(desk.reader, await find(deps, period, book), places)
        every, calendar, missing = await planned_work(book, found, period.start, period.at + AHEAD)
        desk.ahead = every
        within = [w for w in every if w.start < period.end]
        titles = {mode: playbook.title for mode, playbook in deps.loop.playbooks.items()}
        incidents = incidents_of(found, period, places, titles)
        looked = await _looked(desk, places, found, (*places.evidence, calendar), missing)
        return {
            "looked": to_json(looked),
            "incidents": [to_json(i) for i in incidents],
            "planned": [to_json(w) for w in within],
        }

    return node


async def _looked(desk: Desk, places: Places, found: Found, evidence: tuple[str, ...], missing: str) -> Looked:
    catalog, exports = desk.deps.loop.catalog, await desk.book.store.exports()
    harmless = sum(1 for s in found.held_back if s["why"].startswith(HARMLESS))
    return Looked(
        found_by=found.by,
        cycles=found.cycles,
        expected=found.expected,
        every_s=found.every.total_seconds(),
        playbooks=sum(1 for p in desk.deps.loop.playbooks.values() if not p.benign),
        datasets=sum(1 for n in catalog.datasets if exports.has(n)),
        known_datasets=len(catalog.datasets),
        clusters=len(places.clusters),
        nodes=len(places.node_cluster),
        gpus=sum(places.node_gpus.values()),
        errors=(*found.errors, *((missing,) if missing else ())),
        harmless=harmless,
        planned=sum(1 for s in found.held_back if s["why"].startswith(PLANNED_WHY)),
        places=tuple((p.cluster, p.site, p.region) for p in places.clusters.values()),
        evidence=evidence,
    )


def _hit(desk: Desk) -> Any:
    async def node(state: ReportState) -> ReportState:
        places, _ = desk.ready()
        hit = await measure_hit(
            desk.book,
            from_json(Period, state["period"]),
            [from_json(Incident, i) for i in state["incidents"]],
            [from_json(PlannedWork, w) for w in state["planned"]],
            places,
            desk.deps.fatal_xids,
            desk.deps.terms,
        )
        return {"hit": to_json(hit)}

    return node


def _goals(desk: Desk) -> Any:
    async def node(state: ReportState) -> ReportState:
        measured = await measure_goals(desk.book, desk.deps.loop.goals, from_json(Period, state["period"]))
        return {"goals": to_json(measured)}

    return node


def _watch(desk: Desk) -> Any:
    async def node(state: ReportState) -> ReportState:
        places, found = desk.ready()
        period, ledger = from_json(Period, state["period"]), desk.deps.loop.ledger
        seen = await measure_watch(
            desk.book,
            period,
            found,
            desk.ahead,
            places,
            ledger=ledger,
            reader=desk.reader,
            fatal_xids=desk.deps.fatal_xids,
        )
        return {"watch": to_json(seen)}

    return node


def _blind(desk: Desk) -> Any:
    async def node(state: ReportState) -> ReportState:
        seen = await measure_blind(desk.book, desk.deps.loop.catalog, from_json(Period, state["period"]))
        return {"blind": to_json(seen)}

    return node


def _for(reader: Reader, found: Found, places: Places) -> Found:
    held = [s for s in found.held_back if reader.sees(s["entity"], places)]
    return replace(found, proposals=reader.proposals(found.proposals, places), held_back=held)


def _say(desk: Desk) -> Any:
    async def node(state: ReportState) -> ReportState:
        known = desk.reader.hidden(to_json(desk.reader.of_incidents(_facts(state))))
        return {"facts": known, "said": to_json(report_on(from_json(Facts, known)))}

    return node


def _facts(state: ReportState) -> Facts:
    period, hit = from_json(Period, state["period"]), from_json(Hit, state["hit"])
    incidents = tuple(from_json(Incident, i) for i in state["incidents"])
    return Facts(
        period=period,
        looked=from_json(Looked, state["looked"]),
        incidents=incidents,
        planned=tuple(from_json(PlannedWork, w) for w in state["planned"]),
        hit=hit,
        goals=from_json(Goals, state["goals"]),
        watch=from_json(Watch, state["watch"]),
        blind=from_json(Blind, state["blind"]),
        by_day=by_day(period, incidents, hit),
    )
