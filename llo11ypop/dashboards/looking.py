"""What a Grafana says about itself: version, organisation, data sources, and what the token may do with the folder.

Sources: Grafana 13 documentation (HTTP API: health, organization, data source, folder, access control, legacy paths).
"""

from dataclasses import dataclass

from llo11ypop.core.errors import StoreError
from llo11ypop.dashboards.grafana import Grafana, folder_uid


@dataclass(frozen=True)
class DataSource:
    """One data source as Grafana knows it."""

    uid: str
    name: str
    type: str
    time_field: str = ""
    """Of Elasticsearch; empty where the token may not see it."""


class Look:
    """Reads, and changes nothing. Every method may raise StoreError."""

    def __init__(self, grafana: Grafana) -> None:
        self._grafana = grafana

    async def version(self) -> str:
        """Its version. Raises StoreError where its database is not well."""
        health = await self._grafana.ask("GET", "/api/health")
        if health.get("database") != "ok":
            message = f"Grafana's database is '{health.get('database', 'unknown')}'"
            raise StoreError(message, next_step="look at Grafana's own log", transient=True)
        return str(health.get("version") or "of an unknown version")

    async def organisation(self) -> str:
        """The organisation that the token is of."""
        return str((await self._grafana.ask("GET", "/api/org"))["name"])

    async def source(self, uid: str) -> DataSource | None:
        """The data source of a uid; none when there is none. A token that may not read it asks what everybody is shown."""
        try:
            found = await self._grafana.ask("GET", f"/api/datasources/uid/{uid}", missing=True)
        except StoreError as bad:
            if not bad.next_step.startswith("give grafana.token"):
                raise
            return next((one for one in await self.shown() if one.uid == uid), None)
        if found is None:
            return None
        return DataSource(found["uid"], found["name"], found["type"], (found.get("jsonData") or {}).get("timeField", ""))

    async def shown(self) -> list[DataSource]:
        """The data sources that this user is shown."""
        settings = await self._grafana.ask("GET", "/api/frontend/settings")
        listed = [s for s in settings.get("datasources", {}).values() if s.get("uid") and not s["uid"].startswith("-- ")]
        return sorted((DataSource(s["uid"], s.get("name", ""), s.get("type", "")) for s in listed), key=lambda s: s.name)

    async def may_write(self, folder: str) -> bool:
        """Whether dashboards can be written to the folder of that title, or the folder be made."""
        found = await self._grafana.ask("GET", f"/api/folders/{folder_uid(folder)}", missing=True)
        if found is not None:
            return bool(found.get("canSave", True))
        may = await self._grafana.ask("GET", "/api/access-control/user/permissions", missing=True)
        return may is None or "folders:create" in may
