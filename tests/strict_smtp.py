"""A mail server on loopback that is strict about the order of commands, and breaks where a test says so."""

import base64
import socket
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass
class StrictSmtp:
    """Takes one connection after another. `faults` are used up one per connection; '' is none.

    Faults: `421 greeting`, `550 rcpt`, `451 rcpt`, `451 data`, `554 data`, `drop before data`, `drop after data`,
    `silent after data`, `535 auth`. A message counts as taken when the server has read its last line.
    """

    context: ssl.SSLContext | None = None
    user: str = ""
    password: str = ""
    faults: list[str] = field(default_factory=list)
    refuse: str = ""
    """One recipient that is refused while others are taken."""
    taken: list[EmailMessage] = field(default_factory=list)
    accepted: list[EmailMessage] = field(default_factory=list)
    """Those to which the client got its 250."""
    connections: int = 0
    clear_auth: bool = False
    """Whether a password was ever seen without TLS."""
    complaints: list[str] = field(default_factory=list)

    def __enter__(self) -> "StrictSmtp":
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._socket.close()
        self._thread.join(timeout=5)
        assert self.complaints == []

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            fault = self.faults.pop(0) if self.faults else ""
            session = _Session(self, connection, fault)
            try:
                session.run()
            except (OSError, ssl.SSLError):
                pass
            finally:
                session.close()


class _Session:
    """One dialogue."""

    def __init__(self, server: StrictSmtp, connection: socket.socket, fault: str) -> None:
        self.server, self.socket, self.fault = server, connection, fault
        self.socket.settimeout(5)
        self.lines: Any = self.socket.makefile("rb")
        self.greeted = self.secure = self.known = False
        self.sender, self.to = "", list[str]()

    def close(self) -> None:
        self.lines.close()
        self.socket.close()

    def say(self, text: str) -> None:
        self.socket.sendall(f"{text}\r\n".encode())

    def run(self) -> None:
        if self.fault == "421 greeting":
            self.say("421 too busy")
            return
        self.say("220 strict.test ESMTP")
        while line := self.lines.readline():
            if not line.endswith(b"\r\n"):
                self.server.complaints.append(f"bare line end: {line!r}")
            verb, _, rest = line.decode().strip().partition(" ")
            if not self.answer(verb.upper(), rest):
                return

    def answer(self, verb: str, rest: str) -> bool:
        match verb:
            case "EHLO":
                self.greeted = True
                offers = ["strict.test"]
                offers += ["STARTTLS"] if self.server.context and not self.secure else []
                offers += ["AUTH PLAIN"] if self.server.user and self.secure else []
                for offer in offers[:-1]:
                    self.say(f"250-{offer}")
                self.say(f"250 {offers[-1]}")
            case "STARTTLS" if self.server.context:
                self.say("220 go ahead")
                self.socket = self.server.context.wrap_socket(self.socket, server_side=True)
                self.lines.close()
                self.lines = self.socket.makefile("rb")
                self.secure, self.greeted = True, False
            case "AUTH":
                self.authenticate(rest)
            case "MAIL" | "RCPT" if not self.greeted or (self.server.user and not self.known):
                self.say("530 log in first" if self.greeted else "503 say EHLO first")
            case "MAIL":
                self.sender = rest
                self.say("250 ok")
            case "RCPT":
                self.recipient(rest)
            case "DATA":
                return self.data()
            case "RSET":
                self.sender, self.to = "", []
                self.say("250 ok")
            case "QUIT":
                self.say("221 bye")
                return False
            case _:
                self.say("502 what?")
        return True

    def authenticate(self, rest: str) -> None:
        self.server.clear_auth |= not self.secure
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        right = (user, password) == (self.server.user, self.server.password)
        self.known = right and self.fault != "535 auth"
        self.say("235 ok" if self.known else "535 wrong")

    def recipient(self, rest: str) -> None:
        if not self.sender:
            self.say("503 MAIL first")
        elif self.fault in ("550 rcpt", "451 rcpt") or (self.server.refuse and self.server.refuse in rest):
            self.say("451 later" if self.fault == "451 rcpt" else "550 no such mailbox")
        else:
            self.to.append(rest)
            self.say("250 ok")

    def data(self) -> bool:
        if not self.to:
            self.say("503 RCPT first")
            return True
        if self.fault == "drop before data":
            return False
        self.say("354 go on")
        raw = bytearray()
        while (line := self.lines.readline()) not in (b".\r\n", b""):
            raw += line[1:] if line.startswith(b".") else line
        message = message_from_bytes(bytes(raw), policy=policy.default)
        if self.fault in ("451 data", "554 data"):
            self.say(f"{self.fault[:3]} not taken")
            return True
        self.server.taken.append(message)  # type: ignore[arg-type]
        if self.fault == "drop after data":
            return False
        if self.fault == "silent after data":
            self.socket.settimeout(30)
            self.lines.readline()
            return False
        self.server.accepted.append(message)  # type: ignore[arg-type]
        self.say("250 queued")
        return True
