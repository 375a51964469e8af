"""The SQL ledger on an SQLite file, and in memory."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.ledger import SqlLedger, schema
from llo11ypop.ledger.connection import connect, url_of
from tests.conformance.ledger_port import LedgerConformance


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    engine = connect(url_of(path))
    schema.upgrade(engine)
    engine.dispose()
    return path


class TestSqliteFile(LedgerConformance):
    @pytest.fixture
    async def ledger(self, tmp_path: Path, migrated: Path) -> AsyncIterator[Ledger]:
        opened = SqlLedger.open(shutil.copy(migrated, tmp_path))
        yield opened
        await opened.close()


class TestSqliteMemory(LedgerConformance):
    @pytest.fixture
    async def ledger(self) -> AsyncIterator[Ledger]:
        opened = SqlLedger.in_memory()
        yield opened
        await opened.close()
