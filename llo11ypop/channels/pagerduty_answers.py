"""Answers given in PagerDuty: by its v3 webhook, and by reading the incidents of proposals that wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.approvals.post import Statement
from llo11ypop.channels.pagerduty_read import PagerDutyReader, instant
from llo11ypop.channels.pagerduty_site import PagerDutySite
from llo11ypop.channels.said import take_in
from llo11ypop.console.ports import Answer
from llo11ypop.core.clock import SystemClock
from llo11ypop.core.proposal import ProposalStatus

WAITING = (ProposalStatus.PENDING, ProposalStatus.SNOOZED)
CHANNEL = "pagerduty"


@dataclass
class PagerDutyAnswers:
    """Reads what people said about our pages. A storm's page stands for many proposals: nothing said there answers one."""

    site: PagerDutySite
    reader: PagerDutyReader
    ledger: Ledger

    async def poll(self, answer: Answer, at: datetime) -> int:
        """Take in what was said about pages of proposals that wait; how much was new. Raises ChannelDown, LedgerError."""
        new = 0
        for proposal in await self.ledger.proposals(WAITING):
            told = await self.ledger.post.told_about(proposal.id)
            if not any(name == CHANNEL and row.reference == proposal.id for name, row in told):
                continue
            for said in await self._said(proposal.id):
                new += bool(await take_in(self.ledger, answer, said, at, SystemClock().now()))
        await self.ledger.post.polled(CHANNEL, at)
        return new

    async def _said(self, proposal_id: str) -> list[Statement]:
        found: list[Statement] = []
        for incident in await self.site.incidents(proposal_id):
            notes = await self.site.notes(str(incident["id"]))
            entries = await self.site.log_entries(str(incident["id"]))
            found += self.reader.in_incident(proposal_id, notes, entries)
        return found

    async def in_webhook(self, raw: Mapping[str, Any]) -> list[Statement]:
        """What one call says; nothing for incidents that are not ours. Raises ChannelDown."""
        event = raw["event"]
        if not str(event.get("event_type") or "").startswith("incident."):
            return []
        proposal_id = await self._proposal(event.get("data") or {})
        return self.reader.in_webhook(proposal_id, event) if proposal_id else []

    async def _proposal(self, data: Mapping[str, Any]) -> str:
        """By the deduplication key. A note does not carry it, and neither do incidents with alerts: then the alerts are asked."""
        noted = await self.ledger.post.proposal_of(CHANNEL, str(data.get("incident_key") or ""))
        if noted:
            return noted if noted == data.get("incident_key") else ""
        incident = data if data.get("type") == "incident" else data.get("incident") or {}
        if not self.site.reads or not incident.get("id"):
            return ""
        for key in await self.site.alert_keys(str(incident["id"])):
            if found := await self.ledger.post.proposal_of(CHANNEL, key):
                return found if found == key else ""
        return ""


def webhook_at(raw: Mapping[str, Any]) -> datetime:
    """When the event of a call occurred. Raises ValueError, KeyError."""
    return instant(raw["event"]["occurred_at"])
