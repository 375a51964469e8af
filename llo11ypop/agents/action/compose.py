"""Compose a proposal from a hypothesis: every figure and entity in its text comes from the findings' evidence rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from llo11ypop.agents.action.blast import blast_radius
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.ids import derived_id
from llo11ypop.core.proposal import Alternative, Proposal, ProposedAction
from llo11ypop.core.reasoning import Finding, Hypothesis
from llo11ypop.core.vocabulary import Level
from llo11ypop.core.window import iso
from llo11ypop.playbooks import Playbook


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and under which policy a proposal is made."""

    cycle_id: str
    at: datetime
    expires_after: timedelta
    policy_version: str


def dedup_key(cause: str, entity: object) -> str:
    """One condition on one thing has one key, whatever the cycle that sees it."""
    return derived_id("proposal", cause, str(entity))


def compose(
    hypothesis: Hypothesis,
    playbook: Playbook,
    actions: list[ProposedAction],
    topology: Topology,
    occasion: Occasion,
) -> Proposal:
    """The proposal an SRE reads. `actions` are ranked, best first, and never empty."""
    chosen, others = actions[0], actions[1:]
    key = dedup_key(hypothesis.cause, hypothesis.entity)
    hits = [hit for finding in hypothesis.findings for hit in finding.hits]
    evidence = dict.fromkeys(hit.evidence_id for finding in (*hypothesis.findings, *hypothesis.explains) for hit in finding.hits)
    radius = blast_radius(chosen.name, hypothesis.entity, topology)
    related = dict.fromkeys([hypothesis.entity, *_related(hypothesis, topology)])
    return Proposal(
        id=derived_id(key, iso(occasion.at)),
        dedup_key=key,
        cycle_id=occasion.cycle_id,
        goal=playbook.goal,
        cause=hypothesis.cause,
        cause_title=playbook.title,
        title=f"{playbook.title}: {hypothesis.entity.level} {hypothesis.entity.id}",
        summary=_summary(hypothesis, playbook, topology),
        entities=tuple(related),
        since=hypothesis.since,
        confidence=round(hypothesis.confidence, 3),
        why=tuple(dict.fromkeys(hit.text for hit in hits)),
        alternatives=tuple(Alternative(c, round(p, 3), w) for c, p, w in hypothesis.rivals),
        evidence=tuple(evidence),
        severity=playbook.severity_for(hypothesis),
        queue=playbook.queue_for(hypothesis),
        action=chosen,
        other_actions=tuple(others),
        forbidden_actions=tuple(playbook.forbidden),
        blast_radius=radius.as_json(),
        if_nothing_done=playbook.if_nothing_done,
        success_measure=playbook.success.text() if playbook.success else "",
        created_at=occasion.at,
        expires_at=occasion.at + occasion.expires_after,
        last_seen_at=occasion.at,
        children=tuple(child(f) for f in hypothesis.explains),
        state=_features(hypothesis, playbook, chosen),
        policy_version=occasion.policy_version,
    )


_NAMED = (Level.NODE, Level.RACK, Level.CLUSTER, Level.SITE)
"""Where a summary says that something stands."""


def child(finding: Finding) -> dict[str, str]:
    """A symptom as it is listed under the proposal that explains it."""
    return {"cause": finding.playbook, "entity": str(finding.entity), "since": iso(finding.since)}


def _related(hypothesis: Hypothesis, topology: Topology) -> list[Entity]:
    own = [e for finding in hypothesis.findings for e in (finding.entity, *finding.related)]
    around = [p for p in topology.parents.get(hypothesis.entity, ()) if p.level is Level.NODE]
    symptoms = [finding.entity for finding in hypothesis.explains]
    return [*around, *own, *symptoms]


def _summary(hypothesis: Hypothesis, playbook: Playbook, topology: Topology) -> str:
    places = sorted(a for a in topology.ancestors(hypothesis.entity) if a.level in _NAMED)
    where = ", ".join(f"{p.level} {p.id}" for p in places if p != hypothesis.entity)
    text = f"{playbook.title} on {hypothesis.entity.level} {hypothesis.entity.id}"
    text += f" ({where})" if where else ""
    text += f" since {hypothesis.since:%Y-%m-%d %H:%M}Z."
    if hypothesis.explains:
        text += f" It accounts for {len(hypothesis.explains)} further symptom(s), listed below."
    return text


def _features(hypothesis: Hypothesis, playbook: Playbook, action: ProposedAction) -> dict[str, object]:
    return {
        "cause": hypothesis.cause,
        "level": hypothesis.entity.level.value,
        "action": action.name.value,
        "confidence": round(hypothesis.confidence, 4),
        "signals": sorted({hit.signal for finding in hypothesis.findings for hit in finding.hits}),
        "symptoms": len(hypothesis.explains),
        "severity": playbook.severity_for(hypothesis).value,
        "entity": str(hypothesis.entity),
        "since": iso(hypothesis.since),
    }
