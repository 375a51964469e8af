"""A proposal or a baseline alert, reduced to what can be compared with the truth."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from llo11ypop.core.entity import Entity
from llo11ypop.core.proposal import Proposal


@dataclass(frozen=True, slots=True)
class Ticket:
    """Something an SRE would have had to read. `entities` has the one it is about first."""

    id: str
    cause: str
    entities: tuple[Entity, ...]
    created_at: datetime
    queue: str = ""
    action: str = ""
    other_actions: tuple[str, ...] = ()
    title: str = ""
    why: tuple[str, ...] = ()
    """The signals that fired, one sentence each: what `--explain` prints."""
    reopened: int = 0
    renewed_at: tuple[datetime, ...] = ()
    """When the condition was seen again while the ticket stood, or after it had ended."""

    @property
    def entity(self) -> Entity:
        """What the ticket is about."""
        return self.entities[0]


def ticket_of(proposal: Proposal, renewed_at: Sequence[datetime] = ()) -> Ticket:
    """A filed proposal as a ticket. A remedy that only the blast radius held back is still the one it names."""
    meant = proposal.action.arguments.get("instead_of")
    return Ticket(
        id=proposal.id,
        cause=proposal.cause,
        entities=proposal.entities,
        created_at=proposal.created_at,
        queue=str(proposal.queue),
        action=str(meant or proposal.action.name),
        other_actions=tuple(str(a.name) for a in proposal.other_actions),
        title=proposal.title,
        why=proposal.why,
        reopened=proposal.reopened,
        renewed_at=tuple(renewed_at),
    )


def tickets_of(proposals: Iterable[Proposal], renewed: Mapping[str, Sequence[datetime]] | None = None) -> Sequence[Ticket]:
    """Filed proposals as tickets, oldest first; none gives an empty list."""
    again = renewed or {}
    return sorted((ticket_of(p, again.get(p.id, ())) for p in proposals), key=lambda t: (t.created_at, t.id))
