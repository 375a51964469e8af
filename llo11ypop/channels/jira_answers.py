"""Answers given in Jira: by its webhook, and by asking what changed, for sites that cannot reach us."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.approvals.post import Statement
from llo11ypop.channels.jira import MARK, proposal_of_labels
from llo11ypop.channels.jira_read import JiraMeanings, JiraReader, ids_of
from llo11ypop.channels.jira_site import JiraSite
from llo11ypop.channels.said import take_in
from llo11ypop.console.ports import Answer
from llo11ypop.core.clock import SystemClock
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

FIRST_LOOK = timedelta(days=7)
"""How far back the first poll reads (our assumption)."""
OVERLAP = timedelta(minutes=5)
"""Read again each time: Jira's searches lag behind, and count whole minutes (our assumption)."""

log = logger(__name__)


@dataclass
class JiraAnswers:
    """Reads what people said in tickets of ours."""

    site: JiraSite
    meanings: JiraMeanings
    ledger: Ledger
    _own: frozenset[str] = field(default=frozenset())

    async def poll(self, answer: Answer, at: datetime) -> int:
        """Take in what was said since the last poll; how much was new. Raises ChannelDown, LedgerError."""
        since = (await self.ledger.post.state("jira")).polled_at or at - FIRST_LOOK
        minutes = math.ceil(max(timedelta(0), at - since + OVERLAP).total_seconds() / 60)
        reader, new = await self._reader(), 0
        for row in await self.site.search(f'labels = "{MARK}" AND updated >= "-{minutes}m" ORDER BY updated ASC'):
            for said in await self._in_ticket(reader, str(row["key"])):
                new += bool(await take_in(self.ledger, answer, said, at, SystemClock().now()))
        await self.ledger.post.polled("jira", at)
        return new

    async def _in_ticket(self, reader: JiraReader, key: str) -> Sequence[Statement]:
        raw = await self.site.ticket(key, history=True)
        if raw is None:
            return []
        proposal_id = await self._proposal(key, raw)
        try:
            return reader.in_ticket(proposal_id, raw) if proposal_id else []
        except (ValueError, TypeError, KeyError, AttributeError) as bad:
            log.warning(Event.JOB_FAILED, job="jira-poll", ticket=key, why=f"cannot be read: {type(bad).__name__}")
            return []

    async def in_webhook(self, raw: Mapping[str, Any]) -> list[Statement]:
        """What one webhook call says; nothing for tickets that are not ours. Raises ChannelDown."""
        issue = raw.get("issue") or {}
        proposal_id = await self._proposal(str(issue.get("key") or ""), issue)
        return (await self._reader()).in_webhook(proposal_id, raw) if proposal_id else []

    async def _proposal(self, key: str, issue: Mapping[str, Any]) -> str:
        """By what we noted; by the label only where the ticket got another key since."""
        noted = await self.ledger.post.proposal_of("jira", key)
        if noted:
            return noted
        named = proposal_of_labels((issue.get("fields") or {}).get("labels") or ())
        return named if named and await self.ledger.proposal(named) is not None else ""

    async def _reader(self) -> JiraReader:
        if not self._own:
            self._own = ids_of(await self.site.me())
        return JiraReader(self.meanings, self._own)


def webhook_at(raw: Mapping[str, Any]) -> datetime:
    """When Jira made a call. Raises ValueError."""
    value = raw["timestamp"]
    if not isinstance(value, (int, float)):
        raise TypeError("milliseconds")
    return datetime.fromtimestamp(value / 1000, UTC)
