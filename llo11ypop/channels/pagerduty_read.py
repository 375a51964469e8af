"""What people did and wrote about a PagerDuty incident, from the REST API (poller) or a v3 webhook, as the same statements.

Only a user's act counts: what an integration did, ours included, says nothing. Sources: PagerDuty's REST API v2 and webhooks v3
(developer docs, 2026-03).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from llo11ypop.approvals.post import Statement
from llo11ypop.channels.blocks import clean
from llo11ypop.channels.said import Word, word_for, word_of

CHANNEL = "pagerduty"
_USERS = ("user", "user_reference")
_LOGGED = {"acknowledge_log_entry": "acknowledged", "resolve_log_entry": "resolved"}


@dataclass(frozen=True)
class PagerDutyReader:
    """Reads statements."""

    acknowledged: str = "none"
    """What acknowledging means by the settings."""
    resolved: str = "stale"
    approvers: Sequence[str] = ()

    def in_incident(
        self, proposal_id: str, notes: Sequence[Mapping[str, Any]], entries: Sequence[Mapping[str, Any]]
    ) -> list[Statement]:
        """Everything said about an incident, in the order in which it was said."""
        found = []
        for note in notes:
            who = note.get("user") or {}
            found += self._said(
                proposal_id, f"note:{note.get('id')}", who, note.get("created_at"), word_of(str(note.get("content")))
            )
        for entry in entries:
            act = _LOGGED.get(str(entry.get("type") or "").removesuffix("_reference"), "")
            if act:
                who, at = entry.get("agent") or {}, entry.get("created_at")
                found += self._said(proposal_id, f"log:{entry.get('id')}", who, at, self._act(act))
        return sorted(found, key=lambda s: s.said_at)

    def in_webhook(self, proposal_id: str, event: Mapping[str, Any]) -> list[Statement]:
        """What one event reports."""
        what, who, at = str(event.get("event_type") or ""), event.get("agent") or {}, event.get("occurred_at")
        data = event.get("data") or {}
        if what == "incident.annotated":
            return self._said(proposal_id, f"note:{data.get('id')}", who, at, word_of(str(data.get("content") or "")))
        act = what.removeprefix("incident.")
        if act not in _LOGGED.values():
            return []
        return self._said(proposal_id, f"event:{event.get('id')}", who, at, self._act(act))

    def _act(self, act: str) -> Word:
        """A click that means nothing by the settings is still noted: somebody is on it."""
        meaning = self.acknowledged if act == "acknowledged" else self.resolved
        return word_for(meaning, f"{act} in PagerDuty") or Word("acknowledge" if act == "acknowledged" else "note", text=act)

    def _said(self, proposal_id: str, key: str, who: Mapping[str, Any], at: object, word: Word) -> list[Statement]:
        if who.get("type") not in _USERS:
            return []
        sure = str(who.get("id") or "?")
        counts = not self.approvers or bool({sure, str(who.get("email") or sure)} & {*self.approvers})
        author = f"{CHANNEL}:{clean(who.get('summary') or who.get('name') or sure, 60)} ({clean(sure, 60)})"
        kind = word.kind if counts else "note"
        return [Statement(CHANNEL, key, proposal_id, author, kind, instant(at), word.reason_code, word.text)]


def instant(text: object) -> datetime:
    """An ISO 8601 instant. Raises ValueError for what is none."""
    at = datetime.fromisoformat(str(text))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
