"""Grafana as a channel of the outbox: each proposal's dashboard, its marks, and its evidence frozen as it was when filed."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from llo11ypop.channels.failure import ChannelDown, ChannelRefused
from llo11ypop.core.access import Access
from llo11ypop.core.errors import StoreError
from llo11ypop.dashboards.build import dashboard_json
from llo11ypop.dashboards.grafana import Grafana
from llo11ypop.dashboards.looking import Look
from llo11ypop.dashboards.snapshot import snapshot_json

if TYPE_CHECKING:
    from llo11ypop.catalog.catalog import Catalog
    from llo11ypop.channels.outbox import News
    from llo11ypop.dashboards.panels import Board
    from llo11ypop.dashboards.targets import Source

NAME = "grafana"


class GrafanaChannel:
    """Writes what is told; told again it replaces the dashboard, and neither annotates nor freezes anything twice."""

    name = NAME

    def __init__(
        self,
        access: Access,
        folder: str,
        console_url: str,
        catalog: "Catalog",
        sources: "Callable[[], Awaitable[dict[str, Source]]]",
        board: "Callable[[str], Awaitable[Board]]",
    ) -> None:
        """`sources` and `board` (of a proposal's id) are asked for each time."""
        self._access, self._folder, self._console_url = access, folder, console_url
        self._catalog, self._sources, self._board = catalog, sources, board

    async def announce(self, news: "News") -> str:
        """Push the proposal's dashboard; its uid. Raises ChannelDown and ChannelRefused."""
        board = await self._board(news.proposal.id)
        try:
            async with Grafana(self._access) as grafana:
                links = {}
                if news.evidence:
                    frozen = snapshot_json(f"{news.proposal.id} as filed", news.evidence, board.window)
                    links["Evidence as filed"] = self._access.url.rstrip("/") + await grafana.freeze(frozen)
                built = dashboard_json(board, self._catalog, await self._sources(), self._console_url, links)
                await grafana.push(built, self._folder, f"{news.delivery.event} {news.proposal.id}")
                await grafana.mark(board.uid, board.marks)
        except StoreError as bad:
            raise _failed(bad) from bad
        return board.uid

    async def check(self) -> str:
        """Whether it answers and lets dashboards be written. Raises ChannelDown."""
        try:
            async with Grafana(self._access) as grafana:
                look = Look(grafana)
                version, may = await look.version(), await look.may_write(self._folder)
        except StoreError as bad:
            raise ChannelDown(str(bad), next_step=bad.next_step) from bad
        if not may:
            message = f"the token may not write to the folder '{self._folder}'"
            raise ChannelDown(message, next_step="make its service account Editor")
        return f"version {version}, dashboards are written to '{self._folder}'"


def _failed(bad: StoreError) -> ChannelDown | ChannelRefused:
    """Busy, gone or not allowed holds everything back; a dashboard that Grafana does not take is given up alone."""
    if bad.transient or "not allowed" in str(bad):
        return ChannelDown(str(bad), next_step=bad.next_step)
    return ChannelRefused(str(bad), next_step=bad.next_step)
