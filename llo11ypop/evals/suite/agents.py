"""Guardrail, director and judge by themselves: with rules, with a model, and with a model as far as its policy lets it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from llo11ypop.agents.director.model_mind_questions import routed
from llo11ypop.agents.guardrail import screen
from llo11ypop.agents.guardrail.model_mind import doubted
from llo11ypop.agents.guardrail.rules import Reason
from llo11ypop.agents.guardrail.screen import Screened
from llo11ypop.agents.judge import equivalent
from llo11ypop.agents.judge.model_mind import judged
from llo11ypop.agents.query_writer.minds import Minds
from llo11ypop.core.located import load_located
from llo11ypop.evals.suite.case import ComponentCase
from llo11ypop.evals.suite.session import Session
from llo11ypop.evals.suite.truth import Prepared
from llo11ypop.models.port import Refused, Role

PAIRS = "judge_pairs.yaml"
LET_IN = Screened(True, Reason.ALLOWED, "")
_LABELS = {True: True, False: False, "undecided": None}
Unit = tuple[str, str, bool]
"""Agent, unit, whether it passed."""


async def agent_units(prepared: Iterable[Prepared], session: Session, minds: Minds, folder: Path | None) -> list[Unit]:
    """One run of every component case and labelled pair; an agent without a model of its own has only its rules."""
    models, found = session.deps.models, list[Unit]()
    for one in prepared:
        case = one.case
        if isinstance(case, ComponentCase) and case.agent == "guard" and (minds is Minds.RULE or models.has(Role.GUARDRAIL)):
            found.append(("guardrail", case.id, await _let_in(one, session, minds) is case.expect["allowed"]))
        if isinstance(case, ComponentCase) and case.agent == "routing" and (minds is Minds.RULE or models.has(Role.DIRECTOR)):
            found.append(("director", case.id, await _sent_right(one, session, minds)))
    if folder is not None and (minds is Minds.RULE or models.has(Role.JUDGE)):
        found += [("judge", f"pair {n + 1}", await _agrees(pair, session, minds)) for n, pair in enumerate(_pairs(folder))]
    return found


async def _let_in(one: Prepared, session: Session, minds: Minds) -> bool:
    question, deps = one.said(str(one.case.input)) if isinstance(one.case, ComponentCase) else "", session.deps
    site = await deps.site(deps.principal, one.at)
    ruled = LET_IN if minds is Minds.MODEL else screen(question, site.known, deps.guard)
    if minds is Minds.RULE or (minds is Minds.BOTH and not site.reader.read(question, one.at).unknown):
        return ruled.allowed
    try:
        return (await doubted(question, ruled, deps.models, deps.guard)).allowed
    except Refused:
        return ruled.allowed


async def _sent_right(one: Prepared, session: Session, minds: Minds) -> bool:
    """All wanted areas, and no more others than those."""
    if not isinstance(one.case, ComponentCase):
        return False
    question, deps = one.said(str(one.case.input)), session.deps
    site = await deps.site(deps.principal, one.at)
    wanted = {one.case.expect["areas"]} if isinstance(one.case.expect["areas"], str) else set(one.case.expect["areas"])
    areas = {a.value for a in site.reader.read(question, one.at).areas}
    if minds is Minds.MODEL or (minds is Minds.BOTH and not areas):
        try:
            areas = {a.value for a in (await routed(question, deps.models)).areas}
        except Refused:
            areas = set() if minds is Minds.MODEL else areas
    return wanted <= areas and len(areas) <= 2 * len(wanted)


def _pairs(folder: Path) -> Sequence[dict[str, Any]]:
    path = folder / PAIRS
    return list(load_located(path.read_text(encoding="utf-8"), str(path)).value) if path.is_file() else []


async def _agrees(pair: dict[str, Any], session: Session, minds: Minds) -> bool:
    """Whether the judge says what people said; a pair that people left undecided is not for a model to decide."""
    texts, label = (str(pair["expected"]), str(pair["got"])), _LABELS[pair["equal"]]
    given = {"question": pair.get("question", ""), "ranked": pair.get("ranked")}
    if minds is Minds.RULE:
        return equivalent(*texts, **given).equal is label
    try:
        return (await judged(*texts, session.deps.models, **given)).equal is label
    except Refused:
        return equivalent(*texts, **given).equal is label
