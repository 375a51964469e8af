"""E-mail over SMTP with STARTTLS: the report as text and as HTML in one message.

The standard library's client blocks, so it runs in a thread. Whether a failure is certain is told by how far the dialogue
came: a refusal is an answer; a connection that breaks after DATA has begun leaves it open whether the message was taken.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from llo11ypop.core.errors import ConfigError
from llo11ypop.report.delivery import Letter, MaybeDelivered, NotDelivered

PERMANENT = 500
"""SMTP replies from here on are final (RFC 5321)."""


@dataclass(frozen=True)
class Mail:
    """A mail server and the people who read the report."""

    host: str
    port: int
    sender: str
    to: Sequence[str]
    user: str = ""
    password: str = ""
    starttls: bool = True
    timeout_s: float = 30.0
    tls: ssl.SSLContext | None = None
    """Instead of the system's trust store (a private authority, tests)."""
    name: str = "mail"
    repeatable: bool = False

    def __post_init__(self) -> None:
        """Refuse addresses that are none, and a password that would travel in the clear."""
        for text in (self.sender, *self.to):
            address(text)
        if self.password and not self.starttls:
            raise ConfigError("report.mail.password would be sent unencrypted", next_step="set report.mail.starttls: true")

    async def deliver(self, letter: Letter) -> str:
        """The message id. Raises NotDelivered or MaybeDelivered."""
        return await asyncio.to_thread(self._send, self.message(letter))

    def message(self, letter: Letter) -> EmailMessage:
        """The message; its id follows from the report's, so that mail programs can tell a copy."""
        message = EmailMessage()
        message["Subject"] = " ".join(letter.title.split())
        message["From"] = address(self.sender)
        message["To"] = tuple(address(text) for text in self.to)
        message["Date"] = format_datetime(letter.made_at)
        message["Message-ID"] = f"<{letter.id}@{address(self.sender).domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.markdown)
        message.add_alternative(letter.html, subtype="html")
        return message

    def _send(self, message: EmailMessage) -> str:
        client: _Watched | None = None
        try:
            client = _Watched(self.host, self.port, timeout=self.timeout_s)
            client.ehlo()
            if self.starttls:
                client.starttls(context=self.tls or ssl.create_default_context())
                client.ehlo()
            if self.user:
                client.login(self.user, self.password)
            refused = client.send_message(message)
        except smtplib.SMTPException as bad:
            raise self._explained(bad, client) from bad
        except (OSError, ssl.SSLError) as bad:
            raise self._broken(str(bad), client) from bad
        finally:
            if client is not None:
                _leave(client)
        note = f" (refused for {', '.join(refused)})" if refused else ""
        return f"{message['Message-ID']}{note}"

    def _explained(self, bad: smtplib.SMTPException, client: "_Watched | None") -> NotDelivered | MaybeDelivered:
        if isinstance(bad, smtplib.SMTPServerDisconnected):
            return self._broken(str(bad), client)
        codes = [bad.smtp_code] if isinstance(bad, smtplib.SMTPResponseException) else []
        if isinstance(bad, smtplib.SMTPRecipientsRefused):
            codes = [code for code, _ in bad.recipients.values()]
        final = all(code >= PERMANENT for code in codes) if codes else True
        why = " ".join(str(bad).split())
        step = "check report.mail: host, user, sender and recipients" if final else "it is tried again later"
        return NotDelivered(f"the mail server {self.host} refused the report: {why}", next_step=step, transient=not final)

    def _broken(self, why: str, client: "_Watched | None") -> NotDelivered | MaybeDelivered:
        if client is not None and client.handing_over:
            step = "look whether it arrived; 'llo11ypop report … --send --again' sends it once more"
            return MaybeDelivered(f"the mail server {self.host} broke off after it had the report: {why}", next_step=step)
        return NotDelivered(f"the mail server {self.host}:{self.port} cannot be used: {why}", next_step="it is tried again later")


class _Watched(smtplib.SMTP):
    """Knows whether the message itself was being handed over when something broke."""

    handing_over = False

    def data(self, msg: object) -> tuple[int, bytes]:
        """As the client's."""
        self.handing_over = True
        answer = super().data(msg)  # type: ignore[arg-type]
        self.handing_over = False
        return answer


def _leave(client: smtplib.SMTP) -> None:
    """Say goodbye; what the server does with that no longer matters."""
    try:
        client.quit()
    except (smtplib.SMTPException, OSError):
        client.close()


def address(text: str) -> Address:
    """'SRE <sre@example.org>' or a bare address. Raises ConfigError for anything that is none, line breaks among it."""
    name, spec = parseaddr(text)
    try:
        if "@" not in spec or any(c in text for c in "\r\n"):
            raise ValueError("no address")
        return Address(name, addr_spec=spec)
    except ValueError as bad:
        raise ConfigError(f"report.mail: '{text}' is not an e-mail address", next_step="write sre@example.org") from bad
