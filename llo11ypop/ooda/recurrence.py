"""Hardware does not heal by falling quiet: the same fault of a thing that nobody repaired is the same one, days later too."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from llo11ypop.agents.action.compose import dedup_key
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import Proposal, ProposalStatus
from llo11ypop.core.reasoning import Hypothesis
from llo11ypop.core.vocabulary import Action, Level, Queue
from llo11ypop.ooda.deps import Deps
from llo11ypop.playbooks import Playbook, PlaybookSet
from llo11ypop.query.plan import Plan

_HARDWARE = frozenset({Queue.GPU_HW, Queue.NETOPS})
_THINGS = frozenset({Level.GPU, Level.NODE, Level.PORT})
_QUIET = frozenset({ProposalStatus.CLEARED, ProposalStatus.EXPIRED})
_REPAIRS = frozenset({Action.RMA, Action.TECH})
_RESTARTS = frozenset({Action.RESET_GPU, Action.REBOOT})
"""What repairs hardware; a reset or a reboot does where it is the first remedy of the playbook."""
_KEPT = timedelta(days=30)
"""A fleet without a single recorded remediation in so long does not record them, and nothing can be told from none."""
REMEDIATIONS = Plan.model_validate(
    {
        "dataset": "remediations",
        "window": _KEPT,
        "by": ["node_id", "action"],
        "measures": {"last_at": {"agg": "max", "field": "ts"}},
    }
)


async def unrepaired(
    deps: Deps, hypotheses: Sequence[Hypothesis], recent: Sequence[Proposal], topology: Topology, at: datetime
) -> frozenset[str]:
    """Ids of ended proposals whose hardware fault is back later than `reopen_within`, with no repair in between that held.

    A repair that the fault outlives by less than `reopen_within` did not hold.

    Empty where nobody records remediations. Raises StoreError; a retry may help.
    """
    keys = {dedup_key(h.cause, h.entity) for h in hypotheses if not h.suppressed}
    quiet = [p for p in recent if p.dedup_key in keys and _hardware(p, deps.playbooks) and _late(p, deps, at)]
    if not quiet:
        return frozenset()
    rows = (await deps.store.run(REMEDIATIONS, at)).rows.to_pylist()
    done = {(str(r["node_id"]), str(r["action"])): r["last_at"].replace(tzinfo=UTC) for r in rows}
    held_until = at - deps.limits.reopen_within
    return frozenset(p.id for p in quiet if done and not _repaired(p, deps.playbooks[p.cause], topology, done, held_until))


def _hardware(proposal: Proposal, book: PlaybookSet) -> bool:
    playbook = book.get(proposal.cause)
    own = playbook is not None and playbook.queue in _HARDWARE and proposal.entities[0].level in _THINGS
    return own and proposal.status in _QUIET


def _late(proposal: Proposal, deps: Deps, at: datetime) -> bool:
    """Quiet for longer than any recurrence reopens by itself, but not for longer than a proposal waits for its answer."""
    gone = at - (proposal.last_seen_at or proposal.created_at)
    return deps.limits.reopen_within < gone <= deps.limits.expires_after


def _repaired(
    proposal: Proposal, playbook: Playbook, topology: Topology, done: Mapping[tuple[str, str], datetime], held_until: datetime
) -> bool:
    repairs = _REPAIRS | ({a.name for a in playbook.actions[:1]} & _RESTARTS)
    nodes = {n.id for n in topology.at_level(proposal.entities[0], Level.NODE)}
    since = proposal.last_seen_at or proposal.created_at
    return any(since < at <= held_until for (node, action), at in done.items() if node in nodes and action in repairs)
