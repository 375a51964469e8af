"""What a proposal rests on: the signals that fired for it, whether they can be read now, and whether they are there still."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from llo11ypop.catalog import Catalog, Kind
from llo11ypop.core.entity import Entity
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import Proposal
from llo11ypop.playbooks import Playbook, PlaybookSet
from llo11ypop.playbooks.book import keys_of
from llo11ypop.playbooks.matching import Places, hits_of
from llo11ypop.query.plan import Plan, Select, Span

_ALONE = "after:"
"""Before the key of a plan that reads only what came after the action."""


def blind_of(evidence: Mapping[str, Evidence]) -> list[str]:
    """The plans whose rows and whose silence mean nothing."""
    return [name for name, one in evidence.items() if one.status.tells_nothing]


def signs_of(proposal: Proposal, book: Mapping[str, Playbook]) -> dict[str, str]:
    """Signal that fired for the proposal → key of its plan, empty where no playbook has it any more.

    A proposal that does not say which rests on all that its cause requires.
    """
    keys = {name: key for p in _sources(proposal.cause, book) for name, key in keys_of(p).items()}
    return {name: keys.get(name, "") for name in proposal.state.get("signals") or required(proposal, book)}


def required(proposal: Proposal, book: Mapping[str, Playbook]) -> frozenset[str]:
    """The signals that can make the match of the proposal's cause."""
    return frozenset(name for p in _sources(proposal.cause, book) for name in (*p.match.all, *p.match.any))


def _sources(cause: str, book: Mapping[str, Playbook]) -> list[Playbook]:
    """Those whose findings are merged into a cause, and its own playbook last."""
    return [p for p in book.values() if any(m.mode == cause for m in p.merge) and p.id != cause] + [book[cause]]


def plans_after(signs: Mapping[str, str], book: PlaybookSet, catalog: Catalog, span: timedelta) -> dict[str, Plan]:
    """The plans of signs as they are, and over the last `span` alone."""
    keys = [key for key in signs.values() if key]
    whole = {key: book.sign(key).plan for key in keys}
    return whole | {f"{_ALONE}{key}": _after(plan, catalog, span) for key, plan in whole.items()}


def fire_still(
    keys: Collection[str],
    book: PlaybookSet,
    evidence: Mapping[str, Evidence],
    topology: Topology,
    about: Collection[Entity],
) -> bool:
    """Whether a sign speaks of one of the entities in what came after the action."""
    places = Places(topology)
    found = [h for key in keys for h in hits_of(key, book.sign(key).signal, evidence.get(f"{_ALONE}{key}")).found]
    return any(e in related or places.bears_on(hit.entity, e) for hit, related, _ in found for e in about)


def _after(plan: Plan, catalog: Catalog, span: timedelta) -> Plan:
    steps = {name: _narrowed(step, catalog, span) if isinstance(step, Select) else step for name, step in plan.steps.items()}
    return plan.model_copy(update={"steps": steps})


def _narrowed(select: Select, catalog: Catalog, span: timedelta) -> Select:
    """The select without what came before; one that tells how things are now, by latest values or short spans, as it is."""
    window = select.window
    lasting = catalog.datasets[select.dataset].kind in (Kind.METRIC, Kind.STATE)
    now = lasting and any(m.over or m.agg == "last" for m in select.measures.values())
    if window is None or now or not window.end < span < window.start:
        return select
    return select.model_copy(update={"window": Span(start=span, end=window.end)})
