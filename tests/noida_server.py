"""An Elasticsearch of another make on loopback (noida-db says it is 8.15): bulk, mappings and errors as others read them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.server_process import UnavailableError, free_port, wait_for

START_S = 20


@contextmanager
def running() -> Iterator[str]:
    """The address of an empty server. Raises UnavailableError."""
    try:
        import noida_db
    except ImportError as bad:
        raise UnavailableError("noida-db is not installed (it comes with the development tools on Linux)") from bad
    folder, port = Path(tempfile.mkdtemp(prefix="llo11ypop-noida-")), free_port()
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
        wait_for(url, process, "noida-db", START_S)
        yield url
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
