"""Templates: autoescaped (telemetry is data, never markup), strict about unknown names."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from llo11ypop import __version__
from llo11ypop.console import figures
from llo11ypop.console.guard import keep_token, token_of
from llo11ypop.console.ports import Ports
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.proposal import ProposalStatus


class Renderer:
    """Renders pages with what every page shows around its own content."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._templates = Environment(
            loader=FileSystemLoader(Path(str(files("llo11ypop.console"))) / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name in ("figure", "moment", "cell", "pretty", "compact", "sparkline", "span"):
            self._templates.filters[name] = getattr(figures, name)
        self._templates.filters["ago"] = lambda at: figures.ago(at, ports.clock.now())

    async def page(self, request: Request, template: str, *, status: int = 200, **shown: Any) -> Response:
        """One page with its security token."""
        html = self._templates.get_template(template).render(
            **shown,
            path=request.url.path,
            token=token_of(request),
            demo=self._ports.demo,
            now=self._ports.clock.now(),
            version=__version__,
            status=status,
            waiting=await self._waiting(),
            asks=self._ports.questions is not None,
        )
        response = HTMLResponse(html, status, headers={"Cache-Control": "no-store"})
        keep_token(request, response)
        return response

    def fragment(self, template: str, **shown: Any) -> str:
        """A part of a page, for a page that is open already."""
        return self._templates.get_template(template).render(**shown)

    async def _waiting(self) -> int | None:
        """How many proposals wait; none when the ledger cannot say."""
        try:
            return len(await self._ports.ledger.proposals(ProposalStatus.PENDING))
        except Llo11yPopError:
            return None
