"""One of several daemons on one PostgreSQL, as a child process: its loop files a proposal, and may be killed while it does."""

import asyncio
import os
import signal
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import event

from llo11ypop.daemon.daemon import Daemon
from llo11ypop.settings import Settings, load_settings
from tests.ledger_samples import evidence, proposal


def settings_of(folder: Path, url: str) -> Settings:
    return load_settings(
        None,
        telemetry={"path": folder / "fleet.duckdb"},
        ledger={"url": url},
        console={"port": 0},
        cycle={"every": "1s", "drain": "2s"},
        jobs={"expiry": "1s"},
    )


def replica(folder: Path, url: str, name: str, dies_at: str) -> None:
    """Run a daemon. It notes its address, and with the file `go` there each cycle files a proposal under an id of its own.

    `dies_at`: killed with SIGKILL just before the first statement of filing that begins so, before its `commit`, or `after` it.
    """

    async def cycle(deps: Any, at: datetime) -> Any:
        (folder / f"{name}.cycles").touch()
        if (folder / "go").exists():
            if dies_at:
                _die(deps.ledger, dies_at)
            mine = proposal(2, id=f"{name}-{proposal(2).id}"[:60], created_at=at, expires_at=at + timedelta(hours=1))
            if await deps.ledger.file(mine, [evidence()]) == "new":
                if dies_at == "after":
                    os.kill(os.getpid(), signal.SIGKILL)
                await deps.on_filed(mine.id)
        return SimpleNamespace(cycle_id=at.isoformat(), proposals=[], queries=0, errors=[], observations=[], at=at)

    def ready(address: str) -> None:
        (folder / f"{name}.part").write_text(address)
        (folder / f"{name}.part").rename(folder / f"{name}.url")

    asyncio.run(Daemon(settings_of(folder, url), run_cycle=cycle, on_ready=ready).run())


def _die(ledger: Any, dies_at: str) -> None:
    filing: list[bool] = []

    def stating(_db: Any, _cursor: Any, statement: str, *_: Any) -> None:
        filing.append(statement.startswith("INSERT INTO outbox"))
        if statement.startswith(dies_at):
            os.kill(os.getpid(), signal.SIGKILL)

    def committing(_db: Any) -> None:
        if dies_at == "commit" and any(filing):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(ledger._engine, "before_cursor_execute", stating)
    event.listen(ledger._engine, "commit", committing)
