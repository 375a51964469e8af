"""A loopback HTTP server for fakes: it remembers every exchange, and fails as told, also after the work was done."""

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit


@dataclass
class Call:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    status: int = 0

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass
class Reply:
    """One answer."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong with the next requests that match."""

    method: str = ".*"
    path: str = ".*"
    status: int = 0
    """The answer; 0 hangs up without one."""
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    """Whether the work is done first."""
    hang_s: float = 0.0
    times: int = 1


class App(Protocol):
    """What answers."""

    def handle(self, call: Call) -> Reply: ...


class FaultyServer:
    """Runs an app on a free port."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.lock = threading.Lock()
        self.released = threading.Event()
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def fails(self, **fault: Any) -> None:
        self.faults.append(Fault(**fault))

    def sent(self, method: str, path: str) -> list[Call]:
        """Requests that match, in order."""
        return [c for c in self.calls if c.method == method and re.fullmatch(path, c.path)]

    def writes(self) -> list[Call]:
        """Requests that changed something."""
        return [c for c in self.calls if c.method != "GET" and 200 <= c.status < 300]

    def fault_for(self, call: Call) -> Fault | None:
        for fault in self.faults:
            if fault.times and re.fullmatch(fault.method, call.method) and re.search(fault.path, call.path):
                fault.times -= 1
                return fault
        return None

    @contextmanager
    def running(self) -> Iterator["FaultyServer"]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join(5)


def _handler(server: FaultyServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = Call(self.command, parts.path, parse_qs(parts.query), {k.title(): v for k, v in self.headers.items()}, body)
            with server.lock:
                fault = server.fault_for(call)
                reply = (
                    server.app.handle(call) if fault is None or fault.after else Reply(fault.status, fault.body, fault.headers)
                )
                call.status = reply.status
                server.calls.append(call)
            if fault is not None:
                if fault.hang_s:
                    server.released.wait(fault.hang_s)
                if fault.status == 0:
                    self.close_connection = True
                    return
                reply = Reply(fault.status, fault.body, fault.headers)
            self._answer(reply)

        def _answer(self, reply: Reply) -> None:
            raw = reply.body if isinstance(reply.body, bytes) else b"" if reply.body is None else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            with suppress(BrokenPipeError, ConnectionResetError):  # who asked did not wait
                self.end_headers()
                self.wfile.write(raw)

        do_GET = do_POST = do_PUT = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            pass

    return Handler


Routes = list[tuple[str, str, Callable[..., Reply]]]


def dispatch(routes: Routes, call: Call) -> Reply | None:
    """The first route that matches, with the groups of its pattern; none for no route."""
    for method, pattern, serve in routes:
        if method == call.method and (found := re.fullmatch(pattern, call.path)):
            return serve(call, *found.groups())
    return None
