"""Weigh the causes of contested places with a model, within what the rules leave open; without one the rules' order stands."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from llo11ypop.agents.analysts import analysts
from llo11ypop.agents.causes.model_mind import Weighed, weigh
from llo11ypop.core.errors import StoreError
from llo11ypop.core.ids import content_hash
from llo11ypop.core.reasoning import Finding, Hypothesis
from llo11ypop.core.vocabulary import Area
from llo11ypop.models.port import note
from llo11ypop.ooda.contests import Contest, contests, weigh_in
from llo11ypop.ooda.deps import Deps
from llo11ypop.ooda.minds import Mind
from llo11ypop.ooda.orient import AS_THE_RULES, Scene, hypothesise, rooted

REMEMBERED = 1000
"""How many weighings a process remembers; a fleet has far fewer open at a time (our choice)."""


async def weighed(
    deps: Deps, mind: Mind, findings: Sequence[Finding], scene: Scene, areas: Sequence[Area], cycle: str
) -> list[Hypothesis]:
    """The hypotheses, with what a model made of the contested ones. What contradicts the rules is overruled and noted."""
    answers = await _answers(deps, mind, _contested(findings, scene, deps), scene, cycle, fresh=False)
    calls: dict[str, str] = {}
    further = dict.fromkeys(key for _, one in answers for key in one.further)
    if further and await _read_again(deps, mind, list(further)[: deps.minds.further], scene.at):
        topology, evidence = scene.topology, deps.memory.scratch
        findings = [f for a in areas for f in analysts()[a].analyse(deps.playbooks, evidence, topology, scene.at)]
        calls = {_key(contest): one.call_id for contest, one in answers if not one.further}
        for call_id in [one.call_id for _, one in answers if one.further]:
            await note(mind.models, call_id, accepted=None, why="its evidence was read again, and it was asked anew")
        answers = await _answers(deps, mind, _contested(findings, scene, deps), scene, cycle, fresh=True)
    roots, weighing = rooted(findings, scene).findings, AS_THE_RULES
    for contest, answer in answers:
        made = weigh_in(contest, answer.likeliest, weighing, roots, scene)
        refused = made if isinstance(made, str) else ""
        await note(mind.models, answer.call_id or calls.get(_key(contest), ""), accepted=not refused, why=refused)
        if isinstance(made, str):
            mind.overruled(made)
        else:
            weighing = made
    return hypothesise(findings, scene, weighing)


def _contested(findings: Sequence[Finding], scene: Scene, deps: Deps) -> list[Contest]:
    return contests(rooted(findings, scene).findings, scene)[: deps.minds.places]


async def _answers(
    deps: Deps, mind: Mind, places: Iterable[Contest], scene: Scene, cycle: str, *, fresh: bool
) -> list[tuple[Contest, Weighed]]:
    """What is said of each place, from memory where nothing changed. `fresh`: signals were just read, none is offered."""
    said: list[tuple[Contest, Weighed]] = []
    known = deps.memory.weighed
    for contest in places:
        key = _key(contest)
        if key in known:
            said.append((contest, Weighed(known[key])))
            continue
        older = {} if fresh else _older(deps, contest, scene.at)
        refs = (cycle, *dict.fromkeys(h.evidence_id for f in contest.candidates for h in f.hits))
        answer = await mind.consult(weigh(mind.models, contest.labels(), deps.playbooks, older, scene.at, refs))
        if answer is not None:
            said.append((contest, answer))
            if not answer.further:
                known[key] = answer.likeliest
    while len(known) > REMEMBERED:
        del known[next(iter(known))]
    return said


def _key(contest: Contest) -> str:
    return content_hash([(f.playbook, str(f.entity), sorted({h.signal for h in f.hits})) for f in contest.candidates])


def _older(deps: Deps, contest: Contest, at: datetime) -> dict[str, datetime]:
    """Signals over long windows of the candidates and of what competes with them that were read in an earlier cycle."""
    book, evidence = deps.playbooks, deps.memory.scratch
    modes = {c.playbook for c in contest.candidates}
    modes |= {m for mode in modes for m in book[mode].competing if m in book}
    plans = {**book.only(sorted(modes)).first_plans(list(Area)), **book.next_plans(sorted(modes))}
    slow = [key for key in plans if book.cadence(key) is not None and key in evidence and evidence[key].at < at]
    return {key: evidence[key].at for key in slow[: deps.minds.further]}


async def _read_again(deps: Deps, mind: Mind, keys: Sequence[str], at: datetime) -> bool:
    """Run signals of playbooks now; false, and noted, where telemetry cannot be read."""
    plans = deps.playbooks.plans(list(Area), at=at)
    try:
        found = await deps.store.run_many({key: plans[key] for key in keys}, at)
    except StoreError as bad:
        mind.overruled(f"further evidence could not be read: {bad.line()}")
        return False
    deps.memory.shelf.kept |= {key: (at, one) for key, one in found.items()}
    deps.memory.scratch |= found
    return True
