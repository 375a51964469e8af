"""A Jira site as a few questions and orders, spoken by the `jira` package: Cloud in API v3, Data Center in v2.

The package is synchronous; calls run in a thread, one at a time. It is told not to retry: the outbox does, and looks first.
Nothing of its exceptions is kept, since they may hold request headers.
"""

import asyncio
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from llo11ypop.channels.failure import ChannelDown, ChannelRefused
from llo11ypop.channels.jira_failure import ATTACH, CREATE, cut_off, failure, nonsense
from llo11ypop.core.clock import SystemClock

if TYPE_CHECKING:
    from jira import JIRA

T = TypeVar("T")
Json = dict[str, Any]
NEEDED = ("BROWSE_PROJECTS", "CREATE_ISSUES", "ADD_COMMENTS", "TRANSITION_ISSUES")
WANTED = ("CREATE_ATTACHMENTS",)
PAGE = 50
NOT_FOUND = 404


@dataclass
class JiraSite:
    """One site. Raises ChannelDown and ChannelRefused only."""

    url: str
    cloud: bool
    user: str
    token: str = field(repr=False)
    timeout: timedelta
    settle: timedelta
    ca: str = ""
    _client: "JIRA | None" = field(default=None, repr=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def search(self, jql: str) -> list[Json]:
        """Tickets that match, with their summary; every page of them."""

        def pages(jira: "JIRA") -> list[Json]:
            found: list[Json] = []
            if not self.cloud:
                while len(page := _page(jira.search_issues(jql, len(found), PAGE, fields=["summary"], json_result=True))):
                    found += page
                    if len(page) < PAGE:
                        break
                return found
            token: str | None = None
            while True:
                raw = jira.enhanced_search_issues(jql, token, PAGE, fields=["summary"], json_result=True)
                found += _page(raw)
                token = raw.get("nextPageToken") if isinstance(raw, Mapping) else None
                if not token:
                    return found

        return await self._ask("search for tickets", pages)

    async def create(self, fields: Json) -> str:
        """A new ticket; its key."""
        return await self._ask(CREATE, lambda jira: str(jira.create_issue(fields=fields, prefetch=False).key))

    async def ticket(self, key: str, *, history: bool = False) -> Json | None:
        """A ticket with status, resolution, labels, comments and attachments; none when there is no such ticket (any more)."""
        wanted = "summary,status,resolution,labels,comment,attachment,updated"

        def look(jira: "JIRA") -> Json | None:
            from jira.exceptions import JIRAError

            try:
                return dict(jira.issue(key, fields=wanted, expand="changelog" if history else None).raw)
            except JIRAError as bad:
                if bad.status_code == NOT_FOUND:
                    return None
                raise

        return await self._ask("read a ticket", look)

    async def comment(self, key: str, body: Any) -> None:
        """A comment; `body` is a document (v3) or text (v2)."""
        await self._ask("comment on a ticket", lambda jira: jira.add_comment(key, body))

    async def attach(self, key: str, name: str, content: bytes) -> None:
        """A file."""
        await self._ask(ATTACH, lambda jira: jira.add_attachment(key, io.BytesIO(content), name))

    async def transitions(self, key: str) -> list[Json]:
        """What the ticket's workflow allows the account now, with the fields that each asks for."""
        return await self._ask(
            "read the workflow of a ticket", lambda jira: list(jira.transitions(key, expand="transitions.fields"))
        )

    async def move(self, key: str, transition: str, fields: Json) -> None:
        """Carry a transition out, by its name: the package would send an id as a number, which API v3 does not describe."""
        await self._ask("move a ticket", lambda jira: jira.transition_issue(key, transition, fields=fields))

    async def me(self) -> Json:
        """The account itself."""
        return await self._ask("read its own account", lambda jira: jira.myself())

    async def may(self, project: str) -> dict[str, bool]:
        """Which of the permissions that are needed or wanted the account has in a project."""

        def look(jira: "JIRA") -> dict[str, bool]:
            raw: Any = jira.my_permissions(projectKey=project, permissions=",".join((*NEEDED, *WANTED)))
            return {name: bool(raw["permissions"].get(name, {}).get("havePermission")) for name in (*NEEDED, *WANTED)}

        return await self._ask(f"read its permissions in project {project}", look)

    async def close(self) -> None:
        """Release connections."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    async def _ask(self, doing: str, call: "Callable[[JIRA], T]") -> T:
        async with self._turn:
            return await asyncio.to_thread(self._translated, doing, call)

    def _translated(self, doing: str, call: "Callable[[JIRA], T]") -> T:
        from jira.exceptions import JIRAError

        bad: ChannelDown | ChannelRefused
        try:
            return call(self._connected())
        except JIRAError as answer:
            headers = getattr(answer.response, "headers", None) or {}
            bad = failure(doing, answer.status_code, answer.text or "", headers, SystemClock().now(), self.settle)
        except (ValueError, KeyError, TypeError, AttributeError):
            bad = nonsense(doing, self.settle)
        except OSError as broken:  # what `requests` raises is one
            bad = cut_off(doing, broken, self.settle)
        raise bad

    def _connected(self) -> "JIRA":
        if self._client is None:
            from jira import JIRA

            options = {"server": self.url, "rest_api_version": "3" if self.cloud else "2", "verify": self.ca or True}
            login: dict[str, Any] = {"basic_auth": (self.user, self.token)} if self.user else {"token_auth": self.token}
            timeout_s = self.timeout.total_seconds()
            self._client = JIRA(options=options, timeout=timeout_s, max_retries=0, get_server_info=False, logging=False, **login)
            self._client.deploymentType = "Cloud" if self.cloud else "Server"
        return self._client


def _page(raw: object) -> list[Json]:
    if not isinstance(raw, Mapping):
        raise TypeError("a search answers with an object")
    return list(raw["issues"])
