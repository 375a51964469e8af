"""A server of the tests' own as a process on loopback: a free port, and waiting until it answers."""

import socket
import subprocess
import time

import httpx


class UnavailableError(Exception):
    """Why a server cannot be had here."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(url: str, process: "subprocess.Popen[bytes]", name: str, start_s: float) -> None:
    """Until it answers 200 there. Raises UnavailableError."""
    end = time.monotonic() + start_s
    while time.monotonic() < end:
        if process.poll() is not None:
            raise UnavailableError(f"{name} ended with {process.returncode}")
        try:
            if httpx.get(url, timeout=1).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise UnavailableError(f"{name} was not ready after {start_s:g} s")
