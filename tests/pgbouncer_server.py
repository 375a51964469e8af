"""A real PgBouncer of the tests' own on loopback, before the PostgreSQL of the tests (Debian package pgbouncer)."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.postgres_server import NOBODY, Server
from tests.server_process import UnavailableError, free_port

START_S = 10
CONFIG = """\
[databases]
* = host=127.0.0.1 port={behind} user=llo11ypop
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
{more}
"""


@contextmanager
def running(server: Server, mode: str, more: str = "") -> Iterator[int]:
    """Its port. Raises UnavailableError."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        raise UnavailableError("the program pgbouncer is not installed (Debian package pgbouncer)")
    folder, port = Path(tempfile.mkdtemp(prefix="llo11ypop-pgbouncer-")), free_port()
    (folder / "pgbouncer.ini").write_text(CONFIG.format(behind=server.port, port=port, mode=mode, more=more), encoding="utf-8")
    run_as: dict[str, Any] = {}
    if os.geteuid() == 0:
        run_as = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        folder.chmod(0o755)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "pgbouncer.ini"], cwd=folder, stdout=log, stderr=log, **run_as)  # noqa: S603
    try:
        ends = time.monotonic() + START_S
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(f"postgresql://llo11ypop@127.0.0.1:{port}/postgres").close()
                break
            if process.poll() is not None or time.monotonic() > ends:
                raise UnavailableError("PgBouncer did not start: " + (folder / "log").read_text()[-500:])
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
