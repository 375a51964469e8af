"""Webhooks of channels: POST /webhooks/<channel>. What is not signed with the shared secret, or comes a second time, is refused.

There is no session and no form token here: the signature over the whole body is what counts, and the host name does not matter.
"""

from collections.abc import Mapping
from typing import Protocol

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse

from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

PREFIX = "/webhooks/"
LARGEST_BYTES = 1_000_000
"""A ticket with all its fields is far smaller (our assumption)."""

log = logger(__name__)


class WebhookRefused(Llo11yPopError):
    """Not from whom it says, too old, or heard before. `status` is 400 for what cannot be read, else 403."""

    reason = "webhook"

    def __init__(self, message: str, *, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


class Listener(Protocol):
    """One channel's webhook."""

    async def hear(self, headers: Mapping[str, str], body: bytes) -> list[str]:
        """What came of each thing that was said. Header names are in lower case.

        Raises WebhookRefused; any other Llo11yPopError means that the sender should try again.
        """
        ...


def webhook_router(listeners: Mapping[str, Listener]) -> APIRouter:
    """One route for all channels."""
    router = APIRouter(include_in_schema=False)

    @router.post(PREFIX + "{channel}")
    async def webhook(request: Request, channel: str) -> JSONResponse:
        listener = listeners.get(channel)
        if listener is None:
            raise HTTPException(404, "No such channel is set up.")
        body = await _body(request)
        try:
            results = await listener.hear({k.lower(): v for k, v in request.headers.items()}, body)
        except WebhookRefused as bad:
            metrics.WEBHOOKS.labels(channel, "refused").inc()
            log.warning(Event.WEBHOOK_REFUSED, channel=channel, why=bad.line())
            return JSONResponse({"error": bad.reason, "message": bad.line()}, bad.status)
        except Llo11yPopError as bad:
            metrics.WEBHOOKS.labels(channel, "failed").inc()
            log.error(Event.HTTP_FAILED, path=request.url.path, why=bad.line())
            return JSONResponse({"error": bad.reason, "message": "try again later"}, 503)
        metrics.WEBHOOKS.labels(channel, "heard").inc()
        return JSONResponse({"heard": len(results)}, 200)

    return router


async def _body(request: Request) -> bytes:
    """The raw body, as it was signed. Raises HTTPException 413."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BYTES:
            raise HTTPException(413, "This is too large for a webhook.")
    return body
