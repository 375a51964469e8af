"""An Elasticsearch of another make on loopback (noida-db says it is 8.15): bulk, mappings and errors as others read them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

START_S = 20


class UnavailableError(Exception):
    """Why it cannot be had here."""


@contextmanager
def running() -> Iterator[str]:
    """The address of an empty server. Raises UnavailableError."""
    try:
        import noida_db
    except ImportError as bad:
        raise UnavailableError("noida-db is not installed (it comes with the development tools on Linux)") from bad
    folder, port = Path(tempfile.mkdtemp(prefix="llo11ypop-noida-")), _free_port()
    program = Path(noida_db.__file__).parent / "noida-db"
    command = [str(program) if program.exists() else str(Path(sys.executable).parent / "noida-db"), "start"]
    command += ["--only", "elasticsearch", "--host", "127.0.0.1", "--elasticsearch-port", str(port), "--data-dir", str(folder)]
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - fixed arguments
    except OSError as bad:
        shutil.rmtree(folder, ignore_errors=True)
        raise UnavailableError(f"noida-db does not start: {bad}") from bad
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process)
        yield url
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise UnavailableError(f"noida-db ended with {process.returncode}")
        try:
            if httpx.get(url, timeout=1).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise UnavailableError(f"noida-db was not ready after {START_S} s")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
