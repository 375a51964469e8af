"""The SQL ledger on an SQLite file, and in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.ledger import SqlLedger
from tests.conformance.ledger_port import LedgerConformance


class TestSqliteFile(LedgerConformance):
    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[Ledger]:
        opened = SqlLedger.open(tmp_path / "ledger.sqlite", upgrade=True)
        yield opened
        await opened.close()


class TestSqliteMemory(LedgerConformance):
    @pytest.fixture
    async def ledger(self) -> AsyncIterator[Ledger]:
        opened = SqlLedger.in_memory()
        yield opened
        await opened.close()
