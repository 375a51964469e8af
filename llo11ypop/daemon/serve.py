"""The HTTP server inside our loop: our socket, our signals, uvicorn's protocol."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from llo11ypop.core.errors import ConfigError


def listen(host: str, port: int, *, search: int = 0) -> socket.socket:
    """A listening socket on `port`, or on one of `search` more. Raises ConfigError when all are taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, port + search + 1):
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, candidate))
        except OSError as taken:
            bound.close()
            why = taken.strerror or str(taken)
            continue
        bound.listen(128)
        return bound
    raise ConfigError(f"cannot listen on {host}:{port}: {why}", next_step="set console.host and console.port")


def url_of(bound: socket.socket) -> str:
    """`http://host:port` of a bound socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Uvicorn that leaves signals to the daemon."""

    def __init__(self, app: Any) -> None:
        super().__init__(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=3))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
