"""The console as a FastAPI application: pages, HTTP API, static files, one look for errors."""

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException

from llo11ypop import __version__
from llo11ypop.console.api import api_router
from llo11ypop.console.ask_api import ask_router
from llo11ypop.console.ask_pages import ask_pages
from llo11ypop.console.channel_pages import channel_pages
from llo11ypop.console.guard import Guard
from llo11ypop.console.pages import page_router
from llo11ypop.console.ports import Ports
from llo11ypop.console.render import Renderer
from llo11ypop.console.webhooks import webhook_router
from llo11ypop.core.errors import ConfigError, ConflictError, Llo11yPopError, NotExportedError, UnknownNameError
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)

_STATUS: dict[type[Llo11yPopError], int] = {
    UnknownNameError: 404,
    ConfigError: 400,
    ConflictError: 409,
    NotExportedError: 404,
}


def build_console(ports: Ports) -> FastAPI:
    """Pages under /, the HTTP API under /api/v1 with its OpenAPI description beside it."""
    app = FastAPI(
        title="LLo11yPop",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.add_middleware(Guard, hosts=ports.hosts)
    renderer = Renderer(ports)
    app.mount("/static", StaticFiles(directory=Path(str(files("llo11ypop.console"))) / "static"), name="static")
    app.include_router(api_router(ports))
    app.include_router(page_router(ports, renderer))
    app.include_router(channel_pages(ports, renderer))
    app.include_router(webhook_router(ports.webhooks))
    if ports.questions is not None:
        app.include_router(ask_router(ports.questions))
        app.include_router(ask_pages(ports.questions, renderer))
    _errors(app, renderer)
    return app


def _errors(app: FastAPI, renderer: Renderer) -> None:
    async def answer(request: Request, status: int, message: str, reason: str) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": reason, "message": message}, status)
        return await renderer.page(request, "error.html", status=status, message=message)

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, bad: StarletteHTTPException) -> Response:
        return await answer(request, bad.status_code, str(bad.detail), "http")

    @app.exception_handler(Llo11yPopError)
    async def known(request: Request, bad: Llo11yPopError) -> Response:
        status = next((code for kind, code in _STATUS.items() if isinstance(bad, kind)), 503)
        return await answer(request, status, bad.line(), bad.reason)

    @app.middleware("http")
    async def unforeseen(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            return await go_on(request)
        except Exception as bad:
            log.error(Event.HTTP_FAILED, path=request.url.path, why=f"{type(bad).__name__}: {bad}", exc_info=True)
            return await answer(request, 500, "This page failed; the log says why.", "internal")
