"""The second reading of a question by models: who is asked, what it may change, and what is said about it.

A model sees the question and the catalog's words, never a row. Whatever it answers, the plan is one that the reader made, and the
rules' reading stands where no model answers in time.
"""

from collections.abc import Sequence
from datetime import datetime

from llo11ypop.agents.director.model_mind_questions import Routed, judge_route, routed
from llo11ypop.agents.guardrail.model_mind import doubted
from llo11ypop.agents.guardrail.orders import verbs_of
from llo11ypop.agents.guardrail.rules import Reason
from llo11ypop.agents.guardrail.screen import Screened
from llo11ypop.agents.query_writer.asking import Written
from llo11ypop.agents.query_writer.minds import Minds
from llo11ypop.agents.query_writer.policy import SUGGESTED, decide, wanted
from llo11ypop.agents.query_writer.roles import any_writer, writer_role
from llo11ypop.agents.query_writer.same_rows import same_rows
from llo11ypop.agents.query_writer.writer import Writer
from llo11ypop.ask.deps import AskDeps
from llo11ypop.ask.reads import scope_of
from llo11ypop.ask.site import Site
from llo11ypop.ask.state import Turn
from llo11ypop.ask.work import Work
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.question import AgentStep, Status
from llo11ypop.language.reader import Reader
from llo11ypop.language.reading import Reading
from llo11ypop.models.port import Refused, Role
from llo11ypop.models.spending import Scope, current
from llo11ypop.query.plan import Plan


def asks_models(deps: AskDeps, rule: Reading, question: str, at: datetime, reader: Reader, turns: Sequence[Turn]) -> bool:
    """Whether a second reading is wanted. A follow-up is left to the rules: what it leans on is no text for a model."""
    guards, routes = (bool(rule.unknown) and deps.models.has(role) for role in (Role.GUARDRAIL, Role.DIRECTOR))
    reads = any_writer(deps.models) if routes and not rule.areas else bool(writer_role(deps.models, rule.areas))
    if not (reads or guards) or not wanted(rule, deps.minds):
        return False
    return scope_of(turns) is None or reader.read(question, at).scope == rule.scope


async def read_again(work: Work, question: str, rule: Reading, site: Site, deps: AskDeps) -> None:
    """Let the models read the question. Changes the turn's reading only as `decide` says. Raises nothing of theirs."""
    try:
        await _read(work, question, rule, site, deps)
    finally:
        for spent in current():
            if spent.scope is Scope.QUESTION and (spent.calls or spent.refused):
                work.steps.append(AgentStep("models", "; ".join(spent.lines()), spent.summary()["seconds"]))


async def _read(work: Work, question: str, rule: Reading, site: Site, deps: AskDeps) -> None:
    if rule.unknown and deps.models.has(Role.GUARDRAIL) and await _declined(work, question, deps):
        return
    if not any_writer(deps.models):
        return
    route = await _routed(work, question, rule, deps)
    if not writer_role(deps.models, route.areas):
        await judge_route(route, None, deps.models)
        return
    with work.step("query writer") as note:

        async def run(plan: Plan) -> Evidence:
            return await site.store.run(plan, work.at)

        writer = Writer(deps.models, site.reader, site.terms, run, k=deps.votes)
        if verbs_of(deps.guard).intersection(rule.unknown):
            written = Written(None, why="it may hold an order, which nobody reads as something else")
        elif rule.unknown:
            written = await writer.gloss(question, rule.unknown, work.at, route.areas)
        else:
            written = await writer.write(question, work.at, route.areas)
        work.written = written
        if written.suggested:
            work.notes.append(SUGGESTED.format(text=written.suggested))
        note.did = _did(written)
    await judge_route(route, written.reading.areas if written.reading is not None else None, deps.models)
    if rule.plan is None or deps.minds is Minds.MODEL:
        decision = decide(rule, written.reading, None, glosses=written.glosses, minds=deps.minds)
        work.reading, work.alone = decision.reading, decision.by_model
        work.notes += decision.notes


async def _declined(work: Work, question: str, deps: AskDeps) -> bool:
    with work.step("guard, model") as note:
        try:
            judged = await doubted(question, Screened(True, Reason.ALLOWED, ""), deps.models, deps.guard)
        except Refused as bad:
            note.did = f"the rules' verdict stands: no answer of the model ({bad.reason})"
            return False
        note.did = "let it in" if judged.allowed else f"declined: {judged.reason}"
    if not judged.allowed:
        work.status, work.line = Status.DECLINED, judged.line
    return not judged.allowed


async def _routed(work: Work, question: str, rule: Reading, deps: AskDeps) -> Routed:
    """The areas whose slice of the catalog the query writer gets; a model is asked where the rules know none."""
    if rule.areas or not deps.models.has(Role.DIRECTOR):
        return Routed(rule.areas)
    with work.step("director, model") as note:
        try:
            route = await routed(question, deps.models)
        except Refused as bad:
            note.did = f"the rules' routing stands: no answer of the model ({bad.reason})"
            return Routed(rule.areas)
        note.did = f"sent it to {', '.join(route.areas) or 'nobody'}"
    return route


def _did(written: Written) -> str:
    if written.reading is None:
        return f"gave no reading: {written.why}"
    dropped = f"; dropped what the question does not say: {', '.join(written.dropped)}" if written.dropped else ""
    return f"read it as {written.reading.text}{dropped}"


def compare(work: Work, rule: Reading, evidence: Evidence) -> None:
    """Say whether the model's reading came to the same rows as the rules', where the rules' is answered."""
    written = work.written
    if written is None or written.reading is None or written.evidence is None or work.alone:
        return
    same = same_rows(evidence, written.evidence, rule.columns, written.reading.columns)
    work.notes += decide(rule, written.reading, same).notes
