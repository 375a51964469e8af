"""Who may post: forms carry a token that only our own pages know, and nobody may ask under a foreign host name.

The token stands in a cookie (SameSite=Strict, not readable by scripts) and in each form. The host check stops a foreign page
from reaching a console on this machine under its own name (DNS rebinding).
"""

import hmac
import secrets
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.responses import PlainTextResponse

COOKIE = "llo11ypop_csrf"
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
OPEN_PATHS = ("/livez", "/readyz", "/metrics")
"""Asked by address, not by name: Kubernetes and Prometheus."""
SIGNED_PATHS = "/webhooks/"
"""Called under whatever name a channel knows; every call is signed."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def token_of(request: Request) -> str:
    """The token of this browser; a new one when it has none."""
    kept: str = request.cookies.get(COOKIE, "") or getattr(request.state, "csrf", "")
    request.state.csrf = kept or secrets.token_urlsafe(24)
    return str(request.state.csrf)


def keep_token(request: Request, response: Response) -> None:
    """Give the browser its token."""
    response.set_cookie(COOKIE, token_of(request), httponly=True, samesite="strict", path="/")


def check_form(request: Request, given: str) -> None:
    """Refuse a form that did not come from our own page. Raises HTTPException 403."""
    check_origin(request)
    kept = request.cookies.get(COOKIE, "")
    if not kept or not hmac.compare_digest(kept.encode(), given.encode()):
        raise HTTPException(403, "This form is too old or came from another page. Go back, reload, and send it again.")


def check_origin(request: Request) -> None:
    """Refuse a post from a page of another origin. Raises HTTPException 403."""
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "Requests from other origins are refused.")


def check_json(request: Request) -> None:
    """Refuse what a plain HTML form of another site could send. Raises HTTPException 403 or 415."""
    check_origin(request)
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "Send application/json.")


class Guard(BaseHTTPMiddleware):
    """Host check before, security headers after every request."""

    def __init__(self, app: object, hosts: tuple[str, ...] = ()) -> None:
        super().__init__(app)  # type: ignore[arg-type]
        self._hosts = {*LOCAL_HOSTS, *hosts}

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Answer 421 to a host name that is not ours."""
        if request.url.path in OPEN_PATHS or request.url.path.startswith(SIGNED_PATHS):
            return await call_next(request)
        if "*" not in self._hosts and (request.url.hostname or "") not in self._hosts:
            return PlainTextResponse("This host name is not one of the console's (console.hosts).", 421)
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
