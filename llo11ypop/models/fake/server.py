"""`FakeModelServer`: chat completions and /v1/models on loopback, with scripted answers and faults; it records requests."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from llo11ypop.models.fake import completions
from llo11ypop.models.fake.completions import Said
from llo11ypop.models.fake.rules import MODEL, Rule, Script

ALL_METHODS = ("json_schema", "function_calling", "json_mode")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it came."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]


class FakeModelServer:
    """A context manager; `base_url` is what a client needs. Port 0 takes a free one."""

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        *,
        fault: str = "",
        every: int = 1,
        slow_s: float = 30.0,
        methods: Iterable[str] = ALL_METHODS,
        port: int = 0,
        context: int = 32_768,
    ) -> None:
        self.requests: list[Asked] = []
        self.context = context
        self._lock = Lock()
        self._stopped = Event()
        self.script(rules, fault=fault, every=every, slow_s=slow_s, methods=methods)
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.fake = self
        self._thread = Thread(target=lambda: self._http.serve_forever(poll_interval=0.01), name="fake-model", daemon=True)

    def script(
        self,
        rules: Iterable[Rule] = (),
        *,
        fault: str = "",
        every: int = 1,
        slow_s: float = 30.0,
        methods: Iterable[str] = ALL_METHODS,
    ) -> None:
        """Begin anew: other rules, another fault (of every `every`th request), nothing recorded."""
        with self._lock:
            self._script, self.fault, self.every, self.slow_s, self.methods = Script(rules), fault, every, slow_s, tuple(methods)
            self.requests.clear()
            self._prefixes: set[str] = set()

    @property
    def base_url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """Of the chat completions that were asked for."""
        return [one.body for one in self.requests if one.path.endswith("/chat/completions")]

    def start(self) -> Self:
        """Serve in a thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, also the slow answers that are under way."""
        self._stopped.set()
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, bad: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def names(self) -> list[str]:
        """The models it has; any other name that begins with 'fake' will do as well."""
        return [MODEL, *(f"fake-{role}" for role in self._script.roles)]

    def models(self) -> list[dict[str, Any]]:
        """As `/v1/models` lists them."""
        told = {"object": "model", "owned_by": "llo11ypop fake-model", "max_model_len": self.context}
        return [{"id": name, **told} for name in self.names]

    def said(self, asked: Asked) -> Said:
        """The answer to a request, which is recorded."""
        with self._lock:
            self.requests.append(asked)
            rule = self._script.take(*completions.matched(asked.body))
            turn = len(self.bodies)
            system = completions.system_of(asked.body)
            seen = system in self._prefixes
            self._prefixes.add(system)
        fault = (rule.fault if rule else "") or (self.fault if turn % self.every == 0 else "")
        if fault == "slow":
            self._stopped.wait(self.slow_s)
        return completions.said(asked.body, rule, fault, methods=self.methods, prefix_seen=seen)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False
    fake: FakeModelServer


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    server_version = "llo11ypop-fake-model"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: 40 ms otherwise

    def do_GET(self) -> None:
        if self.path.rstrip("/").endswith("/models"):
            self._send(Said(200, {"object": "list", "data": self.server.fake.models()}))
        else:
            self._send(completions.error(404, f"fake-model has no {self.path}"))

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        if not self.path.rstrip("/").endswith("/chat/completions"):
            self._send(completions.error(404, f"fake-model has no {self.path}"))
            return
        self._send(self.server.fake.said(Asked(self.path, body, {k.lower(): v for k, v in self.headers.items()})))

    def _send(self, said: Said) -> None:
        if said.status == 0:
            self.close_connection = True
            return
        html = isinstance(said.body, str)
        raw = said.body.encode() if isinstance(said.body, str) else json.dumps(said.body).encode()
        try:
            self.send_response(said.status)
            self.send_header("Content-Type", "text/html" if html else "application/json")
            self.send_header("Content-Length", str(len(raw)))
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client did not wait

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
