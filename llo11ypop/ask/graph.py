"""A turn as a LangGraph graph: guard → direct → read again (where models are set) → analyse → retrieve or deepen → answer.

The state is plain JSON and survives restarts; rows and clients stay in the turn's `Work`. Nothing that a row holds can change
where the graph goes: the plan is made before any row is read.
"""

from dataclasses import replace
from typing import Any

from langgraph.errors import NodeError, NodeTimeoutError
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, RetryPolicy, Send, TimeoutPolicy

from llo11ypop.agents.analysts import analysts
from llo11ypop.agents.guardrail import screen
from llo11ypop.agents.investigators import INTENTS, Ground, Investigated, investigate
from llo11ypop.ask.answer_json import answer_json
from llo11ypop.ask.answering import answer_of
from llo11ypop.ask.deps import AskDeps
from llo11ypop.ask.facts import fresh_plans, freshness, note_newest, planned_of, work_plan
from llo11ypop.ask.minds import asks_models, compare, read_again
from llo11ypop.ask.reads import read_question, relevant_trap
from llo11ypop.ask.shown import shown_of
from llo11ypop.ask.state import TURNS_KEPT, AnalystState, AskState, Turn
from llo11ypop.ask.work import Work
from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import Llo11yPopError, PlanError, is_transient
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.ids import new_id
from llo11ypop.core.principal import AccessError, Principal
from llo11ypop.core.question import Answer, Result, Status
from llo11ypop.core.vocabulary import Area
from llo11ypop.language.figures import listed
from llo11ypop.language.intent import Intent
from llo11ypop.language.reading import Reading

READ = TimeoutPolicy(run_timeout=120)
"""Longest a node may take."""
INVESTIGATE = TimeoutPolicy(run_timeout=300)
"""Longest an investigation may take: as long as a step of the loop."""
ROWS_IN_STATE = 50
"""Rows of an answer that a checkpoint holds."""
TEXT_KEPT = 400

Node = Any
"""What `add_node` takes; its own overloads do not see through a closure."""


def build_ask(deps: AskDeps) -> StateGraph[AskState]:
    """Wire a turn. Input: `{"question": …}`, and `at` for another instant than the end of the telemetry."""
    graph = StateGraph(AskState)
    retry = RetryPolicy(max_attempts=2, retry_on=is_transient, initial_interval=0.05, jitter=False)
    broke = _broke(deps)
    graph.add_node("guard", _guard(deps), timeout=READ, error_handler=broke)
    graph.add_node("direct", _direct(deps), timeout=READ, error_handler=broke)
    graph.add_node("read_again", _read_again(deps), timeout=READ, error_handler=_without_models(deps))
    graph.add_node("analyse", _analyse(deps), input_schema=AnalystState, timeout=READ, error_handler=broke)
    graph.add_node("retrieve", _retrieve(deps), timeout=READ, retry_policy=retry, error_handler=broke)
    graph.add_node("deepen", _deepen(deps), timeout=INVESTIGATE, retry_policy=retry, error_handler=broke)
    graph.add_node("answer", _answer(deps), timeout=READ, error_handler=_speechless(deps))
    graph.add_edge(START, "guard")
    graph.add_conditional_edges("guard", _route, ["direct", "answer"])
    graph.add_conditional_edges("direct", _after_direct, ["read_again", "analyse", "retrieve", "deepen", "answer"])
    graph.add_conditional_edges("read_again", _to_analysts, ["analyse", "retrieve", "deepen", "answer"])
    graph.add_conditional_edges("analyse", _route, ["retrieve", "deepen", "answer"])
    graph.add_edge("retrieve", "answer")
    graph.add_edge("deepen", "answer")
    graph.add_edge("answer", END)
    return graph


def _route(state: AskState) -> str:
    return state["route"]


def _after_direct(state: AskState) -> list[Send] | str:
    return "read_again" if state.get("again") else _to_analysts(state)


def _to_analysts(state: AskState) -> list[Send] | str:
    if state["route"] == "answer":
        return "answer"
    sends = [Send("analyse", AnalystState(turn=state["turn"], area=a, route=state["route"])) for a in state["areas"]]
    return sends or state["route"]


def _guard(deps: AskDeps) -> Node:
    async def node(state: AskState) -> AskState:
        turn = state.get("turn") or new_id()
        work = deps.bench.get(turn)
        if work is None:
            at = parse_instant(state["at"]) if state.get("at") else await deps.now()
            work = deps.bench[turn] = Work(at)
        with work.step("guard") as note:
            work.site = await deps.site(work.principal or deps.principal, work.at)
            judged = screen(state["question"], work.site.known, deps.guard)
            note.did = "let it in" if judged.allowed else f"declined: {judged.reason}"
        if not judged.allowed:
            work.status, work.line = Status.DECLINED, judged.line
        return {"turn": turn, "route": "direct" if judged.allowed else "answer"}

    return node


def _direct(deps: AskDeps) -> Node:
    async def node(state: AskState) -> AskState:
        work = deps.bench[state["turn"]]
        if work.site is None:
            return {"route": "answer"}
        with work.step("director") as note:
            turns, question = state.get("turns", []), state["question"]
            reading = work.reading = read_question(work.site.reader, question, work.at, turns)
            found = directed(work, reading)
            route = found["route"]
            called = listed([f"the {a} analyst" for a in work.areas], len(Area))
            note.did = f"read it as {reading.text or 'nothing known'}; " + (
                f"called {called}" if route != "answer" else "asks back"
            )
        again = asks_models(deps, reading, question, work.at, work.site.reader, turns)
        return {**found, "again": again}

    return node


def directed(work: Work, reading: Reading) -> AskState:
    """Where a reading goes, and which analysts look at it."""
    work.areas = tuple(a for a in analysts() if a in reading.areas)
    return {"route": route_of(reading), "areas": [a.value for a in work.areas]}


def _read_again(deps: AskDeps) -> Node:
    async def node(state: AskState) -> AskState:
        work = deps.bench[state["turn"]]
        if work.reading is None or work.site is None:
            return {}
        await read_again(work, state["question"], work.reading, work.site, deps)
        return {"route": "answer", "areas": []} if work.status is Status.DECLINED else directed(work, work.reading)

    return node


def _without_models(deps: AskDeps) -> Node:
    async def failed(state: AskState, error: NodeError) -> Command[Any]:
        work = deps.bench[state["turn"]]
        with work.step("query writer") as note:
            note.did = f"gave no reading: {_line(error.error)}"
        return Command(goto=_to_analysts(state))

    return failed


def route_of(reading: Reading) -> str:
    """Where a reading goes: rows of one plan, an investigation, or straight to the answer."""
    if reading.clarify or reading.nothing or reading.unknown:
        return "answer"
    return "retrieve" if reading.plan is not None else "deepen"


def _analyse(deps: AskDeps) -> Node:
    async def node(state: AnalystState) -> AskState:
        work, analyst = deps.bench[state["turn"]], analysts()[Area(state["area"])]
        with work.step(f"analyst:{analyst.area}") as note:
            trap = relevant_trap(analyst, work.reading, deps.catalog)
            work.notes += [trap] if trap else []
            note.did = f"checked the plan against {analyst.title}" + (f": {trap}" if trap else "")
        return {}

    return node


def _retrieve(deps: AskDeps) -> Node:
    async def node(state: AskState) -> AskState:
        work = deps.bench[state["turn"]]
        reading, site = work.reading, work.site
        if reading is None or reading.plan is None or site is None:
            return {}
        with work.step("retriever") as note:
            before = site.store.query_count
            datasets = {s.dataset for s in reading.plan.selects.values()}
            calendar = work_plan(reading, site, work.at)
            plans = {"answer": reading.plan, **({"work": calendar} if calendar else {})}
            fresh = fresh_plans(datasets, deps.catalog, site, work.at)
            found = await site.store.run_many({**plans, **{f"newest:{n}": p for n, p in fresh.items()}}, work.at)
            note_newest({n: found[f"newest:{n}"] for n in fresh}, site, work.at)
            evidence = found["answer"]
            compare(work, reading, evidence)
            asked = reading.scope.top is not None and evidence.row_count <= reading.scope.top
            work.result = described(reading, evidence, truncated=evidence.truncated and not asked)
            work.evidence = [evidence]
            if calendar and (planned := planned_of(found["work"], reading)):
                work.planned = planned
                work.evidence.append(found["work"])
            work.freshness = freshness(datasets, deps.catalog, site, work.at)
            note.did = f"{evidence.row_count:,} rows of {listed(sorted(datasets))}, {site.store.query_count - before} queries"
        return {}

    return node


def described(reading: Reading, evidence: Evidence, *, truncated: bool) -> Result:
    """The rows with the columns that the reading describes; what a recipe computed on the way stays in the evidence."""
    known = {c.name: c for c in reading.columns if c.name in evidence.rows.column_names}
    rows = evidence.rows.select(list(known)) if known else evidence.rows
    return Result(tuple(known.values()) or reading.columns, rows, (evidence,), truncated)


def _deepen(deps: AskDeps) -> Node:
    async def node(state: AskState) -> AskState:
        work = deps.bench[state["turn"]]
        reading, site = work.reading, work.site
        if reading is None or site is None:
            return {}
        with work.step(f"investigator:{reading.intent}") as note:
            before = site.store.query_count
            proposals = deps.proposals if deps.reads_proposals else None
            topology = await site.topology()
            ground = Ground(site.store, deps.catalog, deps.playbooks, deps.goals, topology, work.at, proposals)
            found = work.investigated = await deepened(reading, ground, deps, work.principal or deps.principal)
            cited = {e for c in found.causes for e in c.evidence}
            work.result = found.result
            work.evidence = sorted(found.result.evidence, key=lambda e: e.id not in cited)
            datasets = {q.dataset for e in work.evidence for q in e.queries}
            fresh = fresh_plans(datasets, deps.catalog, site, work.at)
            note_newest(await site.store.run_many(fresh, work.at), site, work.at)
            work.freshness = freshness(datasets, deps.catalog, site, work.at)
            note.did = f"weighed {len(found.causes)} candidates, {site.store.query_count - before} queries"
        return {}

    return node


async def deepened(reading: Reading, ground: Ground, deps: AskDeps, who: Principal) -> Investigated:
    """The investigator's finding; the reporter's for a report. Raises PlanError where nobody can look into it."""
    if reading.intent in INTENTS:
        return await investigate(reading, ground)
    if reading.intent is Intent.REPORT and deps.report is not None:
        return await deps.report(reading, ground, who)
    raise PlanError(f"nobody here looks into '{reading.intent}'", next_step="ask for the figures instead")


def _answer(deps: AskDeps) -> Node:
    async def node(state: AskState) -> AskState:
        work = deps.bench[state["turn"]]
        with work.step("answer") as note:
            made = answer_of(work, state["question"], work.thread, deps.guard)
            note.did = f"{made.status}: {len(made.text)} characters, every number bound" if made.result else str(made.status)
        work.answer = made
        turns = [*state.get("turns", []), turn_of(made, state["question"], work.reading)][-TURNS_KEPT:]
        return {"turns": turns, "answer": answer_json(made, rows=ROWS_IN_STATE, chart=False)}

    return node


def turn_of(answer: Answer, question: str, reading: Reading | None) -> Turn:
    """What the thread remembers of a turn."""
    kept = reading is not None and answer.status in (Status.ANSWERED, Status.NO_DATA, Status.CLARIFY)
    scope = replace(reading.scope, shown=shown_of(reading, answer.result)) if reading is not None else None
    return Turn(
        question=question[:TEXT_KEPT],
        status=answer.status.value,
        text=answer.text[:TEXT_KEPT],
        reading=answer.reading[:TEXT_KEPT],
        scope=scope.to_json() if scope is not None and kept else "",
        at=answer.at.isoformat(),
    )


def _broke(deps: AskDeps) -> Node:
    async def failed(state: Any, error: NodeError) -> Command[str]:
        bad, work = error.error, deps.bench.get(state.get("turn", ""))
        if work is not None:
            work.failed(_line(bad))
            if isinstance(bad, AccessError):
                work.status = Status.DECLINED
        return Command(goto="answer")

    return failed


def _line(bad: BaseException) -> str:
    if isinstance(bad, Llo11yPopError):
        return bad.line()
    if isinstance(bad, (TimeoutError, NodeTimeoutError)):
        return "It took too long and was stopped — ask for a shorter window."
    what = " ".join(f"{type(bad).__name__}: {bad}".split())[:200]
    return f"Something broke while answering ({what}) — ask in other words, and report it."


def _speechless(deps: AskDeps) -> Node:
    async def failed(state: Any, error: NodeError) -> AskState:
        work = deps.bench[state["turn"]]
        work.failed(_line(error.error))
        work.reading = work.result = work.investigated = None
        work.answer = answer_of(work, state["question"], work.thread, deps.guard)
        return {"answer": answer_json(work.answer, rows=0, chart=False)}

    return failed
