"""The cycle as a LangGraph graph: observe → direct → retrieve → analyse (one per area) → orient → decide → act."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from langgraph.errors import NodeError
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy, Send, TimeoutPolicy

from llo11ypop.agents.action.compose import Occasion
from llo11ypop.agents.analysts import analysts
from llo11ypop.agents.director.agent import assign
from llo11ypop.agents.director.model_mind_areas import Direction, direct
from llo11ypop.agents.retriever.agent import not_read, retrieve
from llo11ypop.catalog import Kind
from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import StoreError, is_transient
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import OPEN_STATUSES, Proposal
from llo11ypop.core.reasoning import Finding, Hypothesis, Observation
from llo11ypop.core.vocabulary import Area
from llo11ypop.models.port import Role
from llo11ypop.ooda.act import act
from llo11ypop.ooda.decide import Decisions, Desk, decide
from llo11ypop.ooda.deps import Deps
from llo11ypop.ooda.minds import Mind
from llo11ypop.ooda.observe import observe
from llo11ypop.ooda.orient import Scene, hypothesise
from llo11ypop.ooda.planned import PLANNED_WORK, read_windows
from llo11ypop.ooda.recent import filed_since, recent_proposals
from llo11ypop.ooda.recurrence import unrepaired
from llo11ypop.ooda.signs import blind_of
from llo11ypop.ooda.state import AnalystState, CycleState, from_json, to_json
from llo11ypop.ooda.weighing import weighed
from llo11ypop.playbooks import PlaybookSet
from llo11ypop.query.topology import read_topology

TOPOLOGY_AGE = timedelta(hours=1)
"""Inventory changes seldom; it is read again after this long (our choice)."""
READ = TimeoutPolicy(run_timeout=300)
"""Longest a node that reads telemetry may take."""


def build_cycle(deps: Deps) -> StateGraph[CycleState]:
    """Wire the cycle. Clients enter by closure; the state carries plain JSON and evidence ids only."""
    graph = StateGraph(CycleState)
    retry = RetryPolicy(max_attempts=2, retry_on=is_transient)
    graph.add_node("observe", _observe(deps), timeout=READ, retry_policy=retry)
    graph.add_node("direct", _direct(deps))
    graph.add_node("retrieve", _retrieve(deps), timeout=READ, retry_policy=retry)
    failed: Any = _analyst_failed
    graph.add_node("analyse", _analyse(deps), input_schema=AnalystState, error_handler=failed, timeout=READ)
    graph.add_node("orient", _orient(deps), timeout=READ)
    graph.add_node("decide", _decide(deps), timeout=READ)
    graph.add_node("act", _act(deps), timeout=READ)
    graph.add_edge(START, "observe")
    graph.add_edge("observe", "direct")
    graph.add_edge("direct", "retrieve")
    graph.add_conditional_edges("retrieve", _to_analysts, ["analyse", "orient"])
    graph.add_edge("analyse", "orient")
    graph.add_edge("orient", "decide")
    graph.add_edge("decide", "act")
    graph.add_edge("act", END)
    return graph


def _observe(deps: Deps) -> Any:
    async def node(state: CycleState) -> CycleState:
        at = parse_instant(state["at"])
        await topology_at(deps, at)
        seen = await observe(deps, at, state.get("goal_ids", []))
        return {"observations": [to_json(o) for o in seen]}

    return node


def _direct(deps: Deps) -> Any:
    async def node(state: CycleState) -> CycleState:
        seen = [from_json(Observation, o) for o in state["observations"]]
        mind = Mind(deps.models, Role.DIRECTOR, deps.minds.seconds)
        chosen = Direction(assign(seen, analysts()))
        if mind.on:
            asked = direct(deps.models, seen, chosen.assignments, deps.minds.areas, state["cycle_id"])
            chosen = await mind.consult(asked) or chosen
        return {
            "assignments": {area.value: reasons for area, reasons in chosen.assignments.items()},
            "deeper": [area.value for area in chosen.deeper],
            "minds": {"direct": mind.record()},
        }

    return node


def _retrieve(deps: Deps) -> Any:
    book, shelf = deps.playbooks, deps.memory.shelf
    quiet_means_nothing = (Kind.EVENT, Kind.DIMENSION)
    shelf.eventful = frozenset(n for n, d in deps.catalog.datasets.items() if d.kind in quiet_means_nothing)

    async def node(state: CycleState) -> CycleState:
        at = parse_instant(state["at"])
        areas = [Area(a) for a in state["assignments"]]
        now = {"planned_work", *slow_plans(book, state.get("deeper", []), deps.minds.slow_plans)}

        def cadence(key: str) -> timedelta | None:
            return None if key in now else book.cadence(key)

        try:
            plans = {**book.first_plans(areas), "planned_work": PLANNED_WORK}
            evidence = await retrieve(deps.store, plans, cadence, shelf, at)
            suspected = {f.playbook for f in book.match(areas, evidence, await topology_at(deps, at), at)}
            evidence |= await retrieve(deps.store, book.next_plans(suspected), cadence, shelf, at)
        except StoreError as bad:
            if bad.transient:
                raise
            everything = sorted(book.plans(tuple(Area), at=at))
            return {"assignments": {}, "errors": [f"telemetry cannot be read: {bad.line()}"], "unread": {bad.line(): everything}}
        deps.memory.scratch.update(evidence)
        return {"unread": not_read(evidence)}

    return node


def slow_plans(book: PlaybookSet, areas: Sequence[str], most: int) -> list[str]:
    """The signals over long windows of some areas, in the order of the areas, at most so many."""
    ordered = [key for area in areas for key in book.first_plans([Area(area)])]
    return [key for key in dict.fromkeys(ordered) if book.cadence(key) is not None][:most]


def _to_analysts(state: CycleState) -> list[Send] | str:
    sends = [Send("analyse", AnalystState(at=state["at"], area=area)) for area in state["assignments"]]
    return sends or "orient"


def _analyse(deps: Deps) -> Any:
    async def node(state: AnalystState) -> CycleState:
        at = parse_instant(state["at"])
        analyst = analysts()[Area(state["area"])]
        found = analyst.analyse(deps.playbooks, deps.memory.scratch, await topology_at(deps, at), at)
        return {"findings": [to_json(f) for f in found]}

    return node


async def _analyst_failed(state: AnalystState, error: NodeError) -> CycleState:
    return {"errors": [f"analyst {state['area']}: {type(error.error).__name__}: {error.error}"]}


def _orient(deps: Deps) -> Any:
    async def node(state: CycleState) -> CycleState:
        at = parse_instant(state["at"])
        scene = Scene(
            at=at,
            book=deps.playbooks,
            topology=await topology_at(deps, at),
            windows=read_windows(deps.memory.scratch.get("planned_work")),
            observations=[from_json(Observation, o) for o in state["observations"]],
            limits=deps.limits,
            open=await deps.ledger.proposals(OPEN_STATUSES),
        )
        found = [from_json(Finding, f) for f in state.get("findings", [])]
        mind = Mind(deps.models, Role.CAUSES, deps.minds.seconds)
        areas = [Area(a) for a in state["assignments"]]
        made = await weighed(deps, mind, found, scene, areas, state["cycle_id"]) if mind.on else hypothesise(found, scene)
        return {"hypotheses": [to_json(h) for h in made], "minds": {"orient": mind.record()}}

    return node


def _decide(deps: Deps) -> Any:
    async def node(state: CycleState) -> CycleState:
        at = parse_instant(state["at"])
        hypotheses = [from_json(Hypothesis, h) for h in state["hypotheses"]]
        topology, recent = await topology_at(deps, at), await recent_proposals(deps.ledger, at, deps.limits)
        desk = Desk(
            book=deps.playbooks,
            topology=topology,
            policy=deps.policy,
            limits=deps.limits,
            recent=recent,
            unrepaired=await unrepaired(deps, hypotheses, recent, topology, at),
            occasion=Occasion(state["cycle_id"], at, deps.limits.expires_after, deps.policy.version),
            filed_today=await filed_since(deps.ledger, at - timedelta(days=1)),
            blind=frozenset([*blind_of(deps.memory.scratch), *(name for names in state["unread"].values() for name in names)]),
        )
        made = decide(hypotheses, desk)
        mind = Mind(deps.models, Role.WRITER, deps.minds.seconds)
        if mind.on:
            from llo11ypop.ooda.wording import closed_words, worded

            made.file = await worded(mind, made, topology, closed_words(deps.catalog))
        return {"decisions": [_to_record(made)], "suppressed": made.suppressed, "minds": {"decide": mind.record()}}

    return node


def _act(deps: Deps) -> Any:
    async def node(state: CycleState) -> CycleState:
        decisions = _from_record(state["decisions"][0])
        by_id = {e.id: e for e in deps.memory.scratch.values()}
        filed = await act(deps, decisions, by_id, parse_instant(state["at"]), state["cycle_id"])
        return {"filed": [p.id for p in filed]}

    return node


def _to_record(made: Decisions) -> dict[str, Any]:
    return {
        "file": [to_json(p) for p in made.file],
        "touch": {i: to_json(h) for i, h in made.touch.items()},
        "reopen": {i: to_json(h) for i, h in made.reopen.items()},
        "clear": made.clear,
    }


def _from_record(record: dict[str, Any]) -> Decisions:
    return Decisions(
        file=[from_json(Proposal, p) for p in record["file"]],
        touch={i: from_json(Hypothesis, h) for i, h in record["touch"].items()},
        reopen={i: from_json(Hypothesis, h) for i, h in record["reopen"].items()},
        clear=record["clear"],
    )


async def topology_at(deps: Deps, at: datetime) -> Topology:
    """The inventory's containment, read again when it is older than an hour or lies in the future."""
    kept = deps.memory.topology
    if kept is None or not timedelta(0) <= at - kept[0] < TOPOLOGY_AGE:
        kept = deps.memory.topology = (at, await read_topology(deps.store, at))
    return kept[1]
