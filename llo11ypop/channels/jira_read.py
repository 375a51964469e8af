"""What people did and wrote in a Jira ticket, from the ticket itself (poller) or from a webhook, as the same statements.

Each has Jira's own id of the comment or change as key, so that it counts once whoever brings it. Sources: Jira Cloud REST API v3
(issue with changelog) and Jira's webhook payloads (developer.atlassian.com, 2026-03).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from llo11ypop.approvals.post import Statement
from llo11ypop.channels.adf import text_of
from llo11ypop.channels.blocks import clean
from llo11ypop.channels.said import Word, word_for, word_of

NEAR = timedelta(minutes=10)
"""A comment this close to a change by the same person says why (our assumption)."""
CHANNEL = "jira"


@dataclass(frozen=True)
class JiraMeanings:
    """What changes mean at a site, and whose word counts."""

    statuses: Mapping[str, str] = field(default_factory=dict)
    resolutions: Mapping[str, str] = field(default_factory=dict)
    approvers: Sequence[str] = ()

    def of_change(self, items: Sequence[Mapping[str, Any]], why: str) -> Word | None:
        """The resolution says more than the status."""
        for name, known in (("resolution", self.resolutions), ("status", self.statuses)):
            for item in items:
                to = str(item.get("toString") or "")
                meaning = next((m for word, m in known.items() if word.casefold() == to.casefold()), "")
                if item.get("field") == name and (word := word_for(meaning, clean(f"{to}: {why}" if why else to))):
                    return word
        return None


@dataclass(frozen=True)
class JiraReader:
    """Reads statements; our own account never makes one."""

    meanings: JiraMeanings
    own_ids: frozenset[str]

    def in_ticket(self, proposal_id: str, raw: Mapping[str, Any]) -> list[Statement]:
        """Everything said in a ticket that was read with its history, in the order in which it was said."""
        comments = _comments(raw)
        found = [s for one in comments if (s := self._comment(proposal_id, one))]
        for change in (raw.get("changelog") or {}).get("histories") or ():
            author, at = change.get("author") or {}, instant(change.get("created"))
            items = change.get("items") or ()
            if said := self._change(proposal_id, str(change.get("id")), author, at, items, _why(comments, author, at)):
                found.append(said)
        return sorted(found, key=lambda s: s.said_at)

    def in_webhook(self, proposal_id: str, raw: Mapping[str, Any]) -> list[Statement]:
        """What one webhook call reports: a comment that was made, or a change."""
        event, comment = str(raw.get("webhookEvent") or ""), raw.get("comment")
        found: list[Statement] = []
        said_too = isinstance(comment, Mapping) and event in ("comment_created", "jira:issue_updated")
        changelog = raw.get("changelog")
        if event == "jira:issue_updated" and isinstance(changelog, Mapping):
            at = _from_ms(raw.get("timestamp"))
            why = text_of(comment.get("body")) if isinstance(comment, Mapping) else ""
            why = "" if word_of(why).kind != "note" else clean(why)
            change = self._change(
                proposal_id, str(changelog.get("id")), raw.get("user") or {}, at, changelog.get("items") or (), why
            )
            found += [change] if change else []
        if said_too and (said := self._comment(proposal_id, comment or {})):
            found.append(said)
        return found

    def _comment(self, proposal_id: str, raw: Mapping[str, Any]) -> Statement | None:
        author = raw.get("author") or {}
        if self._ours(author):
            return None
        word = word_of(text_of(raw.get("body")))
        return self._statement(proposal_id, f"comment:{raw.get('id')}", author, instant(raw.get("created")), word)

    def _change(
        self,
        proposal_id: str,
        change_id: str,
        author: Mapping[str, Any],
        at: datetime,
        items: Sequence[Mapping[str, Any]],
        why: str,
    ) -> Statement | None:
        word = None if self._ours(author) else self.meanings.of_change(items, why)
        return self._statement(proposal_id, f"change:{change_id}", author, at, word) if word else None

    def _statement(self, proposal_id: str, key: str, author: Mapping[str, Any], at: datetime, word: Word) -> Statement:
        counts = not self.meanings.approvers or bool(ids_of(author) & {*self.meanings.approvers})
        kind = word.kind if counts else "note"
        return Statement(CHANNEL, key, proposal_id, name_of(author), kind, at, word.reason_code, word.text)

    def _ours(self, author: Mapping[str, Any]) -> bool:
        return not author or bool(ids_of(author) & self.own_ids)


def ids_of(user: Mapping[str, Any]) -> frozenset[str]:
    """What names an account surely. The display name does not: everybody chooses their own."""
    return frozenset(str(user[k]) for k in ("accountId", "name", "key", "emailAddress") if user.get(k))


def name_of(user: Mapping[str, Any]) -> str:
    """The person as the verdict's rater: `jira:Ana Diaz (5b10ac8d)`."""
    sure = user.get("accountId") or user.get("name") or user.get("key") or "?"
    return f"{CHANNEL}:{clean(user.get('displayName') or sure, 60)} ({clean(sure, 60)})"


def _comments(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(((raw.get("fields") or {}).get("comment") or {}).get("comments") or ())


def _why(comments: Sequence[Mapping[str, Any]], author: Mapping[str, Any], at: datetime) -> str:
    """The last plain comment of the same person near the change."""
    near: Iterator[str] = (
        text_of(c.get("body"))
        for c in reversed(comments)
        if ids_of(c.get("author") or {}) & ids_of(author) and abs(instant(c.get("created")) - at) <= NEAR
    )
    return next((clean(text) for text in near if word_of(text).kind == "note"), "")


def instant(text: object) -> datetime:
    """Jira's '2026-05-01T12:00:00.000+0200'. Raises ValueError for what is none."""
    at = datetime.fromisoformat(str(text))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _from_ms(value: object) -> datetime:
    if not isinstance(value, (int, float)):
        raise ValueError("a webhook of Jira has a timestamp in milliseconds")
    return datetime.fromtimestamp(value / 1000, UTC)
