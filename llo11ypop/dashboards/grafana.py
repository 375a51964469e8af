"""Grafana's HTTP API: the folder, the dashboard, its annotations. Sources: Grafana 13 documentation (HTTP API, legacy paths)."""

from collections.abc import Iterable
from typing import Any

from llo11ypop.core.access import Access, http_client
from llo11ypop.core.errors import StoreError
from llo11ypop.core.ids import content_hash
from llo11ypop.dashboards.panels import Mark

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_MISSING, _EXISTS = 404, (409, 412)
_NOT_ALLOWED = (401, 403)


class Grafana:
    """Writes dashboards; use it as an async context manager. Every method may raise StoreError."""

    def __init__(self, access: Access) -> None:
        """Raises ConfigError for an address or file it cannot use."""
        self._access = access
        self._client = http_client(access, "Grafana", "grafana", "https://grafana")
        self.dated = ""
        """The Date header of the last answer."""

    async def __aenter__(self) -> "Grafana":
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def push(self, dashboard: dict[str, Any], folder: str, message: str) -> str:
        """Create or replace a dashboard in the folder of that title; gives its path, such as /d/uid/title."""
        uid = folder_uid(folder)
        await self._ensure_folder(uid, folder)
        body = {"dashboard": {**dashboard, "id": None}, "folderUid": uid, "overwrite": True, "message": message}
        found = await self.ask("POST", "/api/dashboards/db", body)
        return str(found.get("url", f"/d/{dashboard['uid']}"))

    async def mark(self, uid: str, marks: Iterable[Mark]) -> int:
        """Annotate a dashboard, each mark once; gives how many are new. A mark is told by its tags and instant."""
        new = 0
        for mark in marks:
            stamp = round(mark.at.timestamp() * 1000)
            query: dict[str, Any] = {"dashboardUID": uid, "from": stamp, "to": stamp, "tags": list(mark.tags), "limit": 100}
            known = await self.ask("GET", "/api/annotations", params=query)
            if any(one.get("text") == mark.text for one in known):
                continue
            body = {"dashboardUID": uid, "time": stamp, "tags": list(mark.tags), "text": mark.text}
            await self.ask("POST", "/api/annotations", body)
            new += 1
        return new

    async def freeze(self, dashboard: dict[str, Any]) -> str:
        """Keep a dashboard with its rows as a snapshot that never expires; its path. One of the same title stays as it is."""
        title = dashboard["title"]
        known = await self.ask("GET", "/api/dashboard/snapshots", params={"query": title, "limit": 100})
        for one in known:
            if one.get("name") == title:
                return f"/dashboard/snapshot/{one['key']}"
        made = await self.ask("POST", "/api/snapshots", {"dashboard": dashboard, "name": title, "expires": 0})
        return f"/dashboard/snapshot/{made['key']}"

    async def _ensure_folder(self, uid: str, title: str) -> None:
        if await self.ask("GET", f"/api/folders/{uid}", missing=True) is None:
            await self.ask("POST", "/api/folders", {"uid": uid, "title": title}, exists=True)

    async def ask(
        self, method: str, path: str, body: Any = None, *, params: Any = None, missing: bool = False, exists: bool = False
    ) -> Any:
        """The answer as JSON; None for what is `missing`, or `exists` already, where that is no error."""
        import httpx

        place = f"Grafana at {self._access.name}"
        try:
            answer = await self._client.request(method, path.lstrip("/"), json=body, params=params)
        except httpx.TimeoutException as bad:
            raise StoreError(f"{place}: no answer in time", next_step="try again", transient=True) from bad
        except httpx.HTTPError as bad:
            step = "check that it runs and grafana.url is right"
            raise StoreError(f"{place}: cannot be reached", next_step=step, transient=True) from bad
        status, self.dated = answer.status_code, answer.headers.get("date", "")
        if (missing and status == _MISSING) or (exists and status in _EXISTS):
            return None
        if answer.is_success:
            try:
                return answer.json()
            except ValueError as bad:
                raise StoreError(f"{place}: the answer is no JSON", next_step="check grafana.url") from bad
        if status in _NOT_ALLOWED:
            step = "give grafana.token of a service account that is Editor"
            raise StoreError(f"{place}: not allowed to {method} {path} ({status})", next_step=step)
        reason = " ".join(answer.text.split())[:300]
        message = f"{place}: {method} {path} was refused ({status}): {reason}"
        raise StoreError(message, next_step="try again" if status in _TRANSIENT else "", transient=status in _TRANSIENT)


def folder_uid(title: str) -> str:
    """The uid of our folder of that title."""
    return f"llo-{content_hash('folder', title)[:24]}"
