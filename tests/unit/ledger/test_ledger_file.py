"""A ledger in a file: versions, damage, locks, other processes, and the speed that scoring needs."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.pool import QueuePool

from llo11ypop.approvals.ledger import Filed, Touch
from llo11ypop.core.errors import LedgerError, is_transient
from llo11ypop.ledger import SqlLedger, schema
from llo11ypop.ledger.connection import connect, reading, to_json, url_of, writing
from llo11ypop.ledger.reports import SqlReports
from llo11ypop.ledger.tables import metadata
from tests.ledger_samples import AT, evidence, proposal


def engine_of(path: Path) -> Engine:
    return connect(url_of(path))


def test_migrations_make_exactly_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    engine = engine_of(tmp_path / "l.sqlite")
    assert schema.upgrade(engine) == (None, schema.HEAD)
    with reading(engine) as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []
    engine.dispose()


def test_the_version_constant_is_alembics_head() -> None:
    assert schema.known()[0] == schema.HEAD


def test_a_migration_can_be_undone(tmp_path: Path) -> None:
    engine = engine_of(tmp_path / "l.sqlite")
    schema.upgrade(engine)
    with writing(engine) as db:
        config = schema.alembic_config()
        config.attributes["connection"] = db
        command.downgrade(config, "base")
        left = set(db.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars())
    assert left - {"sqlite_sequence"} == {"alembic_version"}
    engine.dispose()


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    engine = engine_of(tmp_path / "l.sqlite")
    schema.upgrade(engine)
    assert schema.upgrade(engine) == (schema.HEAD, schema.HEAD)
    engine.dispose()


def test_several_that_open_a_new_file_at_once_wait_for_each_other(tmp_path: Path) -> None:
    together = Barrier(4)

    def make(number: int) -> None:
        together.wait(30)
        engine = engine_of(tmp_path / f"{number}.sqlite")
        with writing(engine) as db:
            db.execute(text("CREATE TABLE IF NOT EXISTS t (a)"))
        engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        for number in range(60):
            list(pool.map(make, [number] * 4))


def test_no_ledger_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="there is no ledger") as bad:
        SqlLedger.open(tmp_path / "l.sqlite")
    assert "db upgrade" in bad.value.line()


@pytest.mark.parametrize("upgrade", [False, True])
def test_a_newer_ledger_is_refused_and_left_alone(tmp_path: Path, upgrade: bool) -> None:
    path = tmp_path / "l.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE alembic_version (version_num TEXT)")
        db.execute("INSERT INTO alembic_version VALUES ('9999')")
    db.close()
    with pytest.raises(LedgerError, match="newer version") as bad:
        SqlLedger.open(path, upgrade=upgrade)
    assert not is_transient(bad.value)


@pytest.mark.parametrize("shelf", [SqlLedger, SqlReports])
def test_a_ledger_that_is_refused_is_not_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shelf: Any) -> None:
    made: list[Engine] = []

    def remembered(url: str, *, busy_timeout_s: float) -> Engine:
        made.append(connect(url, busy_timeout_s=busy_timeout_s))
        return made[-1]

    monkeypatch.setattr(schema, "connect", remembered)
    with pytest.raises(LedgerError, match="there is no ledger"):
        shelf.open(tmp_path / "l.sqlite")
    (engine,) = made
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.checkedin() == engine.pool.checkedout() == 0


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    path.write_bytes(b"this is not a database at all, it is text" * 100)
    with pytest.raises(LedgerError, match="is not an SQLite database") as bad:
        SqlLedger.open(path)
    assert "\n" not in bad.value.line()


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="could not be opened"):
        SqlLedger.open(tmp_path / "nowhere" / "l.sqlite")


async def test_damage_is_reported_as_damage(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    ledger = SqlLedger.open(path, upgrade=True)
    for number in range(40):
        await ledger.file(proposal(number), [evidence()])
    await ledger.close()
    whole = bytearray(path.read_bytes())
    for page in range(1, len(whole) // 4096):
        whole[page * 4096 : page * 4096 + 2048] = b"\xff" * 2048
    path.write_bytes(whole)
    with pytest.raises(LedgerError, match="is damaged"):
        ledger = SqlLedger.open(path)
        try:
            await ledger.proposals()
        finally:
            await ledger.close()


async def test_a_lock_held_elsewhere_is_transient_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    ledger = SqlLedger.open(path, upgrade=True, busy_timeout_s=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="is locked by another process") as bad:
        await ledger.file(proposal(1), [evidence()])
    assert is_transient(bad.value)
    other.execute("ROLLBACK")
    other.close()
    assert await ledger.proposals() == []
    assert await ledger.file(proposal(1), [evidence()]) is Filed.NEW
    await ledger.close()


async def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    ledger = SqlLedger.open(tmp_path / "l.sqlite", upgrade=True)
    await ledger.file(proposal(1), [evidence()])
    with writing(ledger._engine) as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar()
        db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    big = evidence("big", [{"sensor": f"S{n}" * 50, "rpm": 1.0} for n in range(500)])
    with pytest.raises(LedgerError, match="disk is full") as bad:
        await ledger.file(proposal(2, evidence=(big.id,)), [big])
    assert "free space" in bad.value.line()
    assert [p.id for p in await ledger.proposals()] == [proposal(1).id]
    assert await ledger.evidence(big.id) is None
    await ledger.close()


async def test_what_one_ledger_writes_another_reads_at_once(tmp_path: Path) -> None:
    one = SqlLedger.open(tmp_path / "l.sqlite", upgrade=True)
    two = SqlLedger.open(tmp_path / "l.sqlite")
    await one.file(proposal(1), [evidence()])
    assert await two.file(proposal(1), [evidence()]) is Filed.EXISTING
    await two.touch(proposal(1).id, AT, confidence=0.4)
    seen = await one.proposal(proposal(1).id)
    assert seen is not None
    assert seen.confidence == 0.4
    await one.close()
    await two.close()


async def test_an_error_never_shows_values(tmp_path: Path) -> None:
    ledger = SqlLedger.in_memory()
    with pytest.raises(LedgerError) as bad:
        await ledger.file(proposal(1, goal=None), [evidence()])
    assert "Fan FAN3" not in str(bad.value)
    await ledger.close()


def test_json_keeps_order_and_takes_numpy_and_instants() -> None:
    import numpy as np

    assert to_json({"b": np.float32(1.5), "a": [np.int64(3)], "t": AT}) == ('{"b":1.5,"a":[3],"t":"2026-05-01 12:00:00+00:00"}')


@pytest.mark.slow
async def test_two_thousand_cycles_of_filing_touching_and_reading_are_cheap() -> None:
    ledger = SqlLedger.in_memory()
    began = time.perf_counter()
    for number in range(300):
        await ledger.file(proposal(number), [evidence()])
    per_file_ms = (time.perf_counter() - began) / 300 * 1e3
    ids = [proposal(n).id for n in range(300)]
    began = time.perf_counter()
    for _ in range(10):
        await ledger.touch_many([Touch(i, AT, 0.5) for i in ids])
    per_touch_ms = (time.perf_counter() - began) / 3000 * 1e3
    assert per_file_ms < 10
    assert per_touch_ms < 1
    await ledger.close()
