"""What a conversation needs: live clients enter the graph by closure, never through its state."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llo11ypop.agents.guardrail import Guard
from llo11ypop.agents.query_writer.minds import Minds
from llo11ypop.approvals.ledger import Ledger
from llo11ypop.ask.site import Site, open_site
from llo11ypop.ask.work import Work
from llo11ypop.catalog import Catalog
from llo11ypop.core.goal import Goal
from llo11ypop.core.principal import OPERATOR, Principal
from llo11ypop.core.proposal import Proposal
from llo11ypop.models.port import NO_MODELS, Model
from llo11ypop.playbooks import PlaybookSet
from llo11ypop.query.store import TelemetryStore

if TYPE_CHECKING:
    from llo11ypop.agents.investigators import Ground, Investigated
    from llo11ypop.ask.conversation import Conversation
    from llo11ypop.core.question import Answer, Link
    from llo11ypop.language.lexicon import Lexicon
    from llo11ypop.language.reading import Reading

SITES_KEPT = 8
"""Principals whose view of the fleet is kept (our choice)."""


@dataclass
class AskDeps:
    """Everything `build_ask` closes over."""

    catalog: Catalog
    store: TelemetryStore
    playbooks: PlaybookSet
    goals: tuple[Goal, ...]
    lexicon: "Lexicon"
    guard: Guard
    now: Callable[[], Awaitable[datetime]]
    """The instant a question is answered for where nobody says: the end of recorded telemetry, or now."""
    ledger: Ledger | None = None
    """Where evidence is kept so that it can be run again, and where proposals are read. None: neither."""
    reads_proposals: bool = True
    """Off where the ledger is of another fleet than the telemetry."""
    report: "Callable[[Reading, Ground, Principal], Awaitable[Investigated]] | None" = None
    """Writes the report that a question asks for."""
    checkpointer: Any = None
    """Where threads are kept; none: only as long as the process."""
    principal: Principal = OPERATOR
    """Who asks where nobody says."""
    salt: bytes = b""
    """Mixed into pseudonyms."""
    models: Model = NO_MODELS
    """Read questions a second time, where a role is set."""
    minds: Minds = Minds.BOTH
    """Whose readings count; `MODEL` alone is for measuring."""
    votes: int = 1
    """Forms that the query writer's model fills per question, of which the majority by rows counts."""
    links: "Callable[[str, Answer], Awaitable[tuple[Link, ...]]] | None" = None
    """Where else an answer to a question can be seen."""
    bench: dict[str, Work] = field(default_factory=dict)
    """Turns under way, by their key."""
    conversation: "Conversation | None" = None
    """The compiled graph, once there is one."""
    _sites: dict[Principal, Site] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def site(self, principal: Principal, at: datetime) -> Site:
        """The fleet as a principal may see it; read again when the inventory may have changed. Raises StoreError."""
        async with self._opening:
            kept = self._sites.get(principal)
            if kept is None or not kept.stands_at(at):
                kept = await open_site(self.store, self.catalog, self.lexicon, principal, self.salt, at)
                self._sites.pop(principal, None)
                while len(self._sites) >= SITES_KEPT:
                    self._sites.pop(next(iter(self._sites)))
                self._sites[principal] = kept
            return kept

    async def proposals(self, since: datetime) -> Sequence[Proposal]:
        """Proposals of the ledger since an instant; none without a ledger. Raises LedgerError."""
        return await self.ledger.proposals(since=since) if self.ledger is not None else ()
