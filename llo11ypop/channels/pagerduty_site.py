"""PagerDuty as a few orders and questions, spoken by `pdpyras`: Events API v2 to page, REST API v2 to read.

The one module that imports `pdpyras` (docs/adr/0007): it is deprecated in favour of `pagerduty` and warns at every import. Its
own retries, which know no end for 429, are cut off by its `postprocess` hook; the outbox tries again.
"""

import asyncio
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from llo11ypop.channels.blocks import clean
from llo11ypop.channels.failure import ChannelDown, ChannelRefused, wait_asked
from llo11ypop.core.clock import SystemClock

T = TypeVar("T")
Json = dict[str, Any]
SLOW_DOWN = timedelta(seconds=30)
"""How long to wait where a 429 does not say (PagerDuty's Events API rate limits, 2025)."""
PAGE = 100
_OK, _SERVER_ERROR = 400, 500


class _Answer(Exception):
    """An answer that is an error, before `pdpyras` makes anything of it."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        super().__init__(status)
        self.status, self.headers, self.text = status, headers, text


def _library() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message='The package "pdpyras" is deprecated', category=UserWarning)
        import pdpyras

    return pdpyras


def _postprocess(response: Any) -> None:
    if response.status_code >= _OK:
        raise _Answer(response.status_code, response.headers, response.text)


@dataclass
class PagerDutySite:
    """One service. Raises ChannelDown and ChannelRefused only."""

    routing_key: str = field(repr=False)
    events_url: str
    api_url: str
    token: str = field(repr=False)
    timeout: timedelta
    _sessions: dict[str, Any] = field(default_factory=dict, repr=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def reads(self) -> bool:
        """Whether incidents can be read."""
        return bool(self.token)

    async def send(self, action: str, key: str, event: Json | None = None) -> None:
        """`trigger`, `acknowledge` or `resolve` the alert with this deduplication key. Sending it again changes nothing."""

        def post() -> object:
            return self._session("events").send_event(action, dedup_key=key, **(event or {}))

        await self._ask(f"{action} a page", post)

    async def incidents(self, key: str) -> list[Json]:
        """Incidents of an alert with this key."""
        found = await self._get("/incidents", {"incident_key": key, "date_range": "all", "limit": PAGE})
        return list(found["incidents"])

    async def notes(self, incident_id: str) -> list[Json]:
        """Notes of an incident."""
        return list((await self._get(f"/incidents/{incident_id}/notes"))["notes"])

    async def log_entries(self, incident_id: str) -> list[Json]:
        """What happened to an incident, the important entries."""
        found = await self._get(f"/incidents/{incident_id}/log_entries", {"is_overview": "true", "limit": PAGE})
        return list(found["log_entries"])

    async def alert_keys(self, incident_id: str) -> list[str]:
        """Deduplication keys of the alerts of an incident."""
        found = await self._get(f"/incidents/{incident_id}/alerts", {"limit": PAGE})
        return [str(alert.get("alert_key") or "") for alert in found["alerts"]]

    async def may_read(self) -> None:
        """Raises where the token does not work."""
        await self._get("/incidents", {"limit": 1})

    async def close(self) -> None:
        """Release connections."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await asyncio.to_thread(session.close)

    async def _get(self, path: str, params: Json | None = None) -> Json:
        def get() -> Json:
            return dict(self._session("rest").get(path, params=params or {}).json())

        return await self._ask("read incidents", get)

    async def _ask(self, doing: str, call: Callable[[], T]) -> T:
        async with self._turn:
            return await asyncio.to_thread(self._translated, doing, call)

    def _translated(self, doing: str, call: Callable[[], T]) -> T:
        library = _library()
        bad: ChannelDown | ChannelRefused
        try:
            return call()
        except _Answer as answer:
            bad = failure(doing, answer.status, answer.text, answer.headers)
        except (library.PDClientError, OSError, ValueError, KeyError, TypeError) as broken:
            why = type(broken.__cause__ or broken).__name__
            step = "it is tried again by itself; check channels.pagerduty.events_url and api_url, and the network, if it lasts"
            bad = ChannelDown(f"PagerDuty could not be reached to {doing} ({why})", next_step=step)
        raise bad

    def _session(self, kind: str) -> Any:
        if kind not in self._sessions:
            library = _library()
            made = library.EventsAPISession(self.routing_key) if kind == "events" else library.APISession(self.token)
            made.url = (self.events_url if kind == "events" else self.api_url).rstrip("/")
            made.timeout = self.timeout.total_seconds()
            made.max_network_attempts = 0
            made.retry = {}
            made.postprocess = _postprocess
            self._sessions[kind] = made
        return self._sessions[kind]


def failure(doing: str, status: int, text: str, headers: Mapping[str, str]) -> ChannelDown | ChannelRefused:
    """What an error answer means. Sources: PagerDuty's Events API v2 overview and REST API errors (developer docs, 2026-03).

    A server error is never blamed on what was sent: nothing tells whether the service works otherwise.
    """
    said = f": {clean(text, 300)}" if text else ""
    match status:
        case 401 | 403:
            step = "check channels.pagerduty.token and routing_key; what waits is delivered when they work"
            return ChannelDown(f"PagerDuty does not accept the key ({status}){said}", next_step=step)
        case 400 if "routing" in text.casefold() and "key" in text.casefold():
            step = "check channels.pagerduty.routing_key: the 32 characters of an Events API v2 integration"
            return ChannelDown(f"PagerDuty does not know the routing key (400){said}", next_step=step)
        case 404 if doing != "read incidents":
            return ChannelDown(f"there is no Events API v2 at channels.pagerduty.events_url (404){said}", next_step="correct it")
        case 429:
            asked = wait_asked(headers.get("Retry-After") or headers.get("ratelimit-reset"), SystemClock().now())
            step = "it is tried again by itself"
            return ChannelDown(f"PagerDuty asks to slow down (429){said}", next_step=step, wait=asked or SLOW_DOWN)
    if status >= _SERVER_ERROR:
        return ChannelDown(f"PagerDuty answers {status}{said}", next_step="it is tried again by itself")
    return ChannelRefused(
        f"PagerDuty could not {doing} ({status}){said}", next_step="send it again from /channels when it is mended"
    )
