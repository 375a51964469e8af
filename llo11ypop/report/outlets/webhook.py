"""A webhook: one POST of JSON with the report's id as idempotency key, signed when a secret is set.

The standard library's HTTP client, one connection, no redirects and no proxies: a report goes where it was told to and nowhere
else. Whether a failure is certain is told by the phase it happened in.
"""

import asyncio
import hmac
import http.client
import json
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from llo11ypop.core.errors import ConfigError
from llo11ypop.core.window import iso
from llo11ypop.report.delivery import Letter, MaybeDelivered, NotDelivered

TRY_LATER = frozenset({408, 425, 429})
"""Client errors that are about time, not about the request (RFC 9110, RFC 8470)."""
OK, SERVER_ERROR = 200, 500
REFERENCE = 200


@dataclass(frozen=True)
class Webhook:
    """An address that takes reports."""

    url: str
    """May hold a token: never shown."""
    secret: str = ""
    """Signs the body: `X-LLo11yPop-Signature: sha256=<hex>`."""
    timeout_s: float = 30.0
    tls: ssl.SSLContext | None = None
    name: str = "webhook"
    repeatable: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no http(s) address."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("report.webhook.url is not an http(s) address", next_step="write https://example.org/hooks/…")

    async def deliver(self, letter: Letter) -> str:
        """What the receiver answered, in short. Raises NotDelivered or MaybeDelivered."""
        return await asyncio.to_thread(self._post, letter)

    def body(self, letter: Letter) -> bytes:
        """`text` is what chat systems show; `report` is the report as JSON."""
        return json.dumps(
            {
                "id": letter.id,
                "kind": letter.kind,
                "title": letter.title,
                "window": [iso(letter.start), iso(letter.end)],
                "text": f"{letter.title}: {letter.headline}",
                "markdown": letter.markdown,
                "report": json.loads(letter.json),
            },
            ensure_ascii=False,
        ).encode()

    def headers(self, letter: Letter, body: bytes) -> dict[str, str]:
        """Among them the idempotency key and, with a secret, the signature."""
        found = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": letter.id,
            "User-Agent": "llo11ypop",
            "Connection": "close",
        }
        if self.secret:
            found["X-LLo11yPop-Signature"] = f"sha256={hmac.digest(self.secret.encode(), body, 'sha256').hex()}"
        return found

    def _post(self, letter: Letter) -> str:
        parts, body = urlsplit(self.url), self.body(letter)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = self._connection()
        handing_over = False
        try:
            connection.connect()
            handing_over = True
            connection.request("POST", target, body, self.headers(letter, body))
            answer = connection.getresponse()
            said = answer.read(REFERENCE).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as bad:
            raise self._broken(f"{type(bad).__name__}: {bad}", handing_over) from bad
        finally:
            connection.close()
        if OK <= answer.status < OK + 100:
            return f"{answer.status} {' '.join(said.split())}".strip()
        later = answer.status >= SERVER_ERROR or answer.status in TRY_LATER
        step = "it is tried again later" if later else "check report.webhook"
        raise NotDelivered(f"the webhook at {self._where} answered {answer.status}", next_step=step, transient=later)

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = self.tls or ssl.create_default_context()
            return http.client.HTTPSConnection(host, parts.port, timeout=self.timeout_s, context=context)
        return http.client.HTTPConnection(host, parts.port, timeout=self.timeout_s)

    def _broken(self, why: str, handing_over: bool) -> NotDelivered | MaybeDelivered:
        if handing_over:
            step = "look whether it arrived; 'llo11ypop report … --send --again' sends it once more"
            return MaybeDelivered(f"the webhook at {self._where} broke off after it had the report: {why}", next_step=step)
        return NotDelivered(f"the webhook at {self._where} cannot be reached: {why}", next_step="it is tried again later")

    @property
    def _where(self) -> str:
        """The host alone: paths of webhooks are often secrets."""
        return urlsplit(self.url).netloc.rpartition("@")[2]
