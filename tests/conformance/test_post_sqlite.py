"""The post of the SQL ledger on an SQLite file, and in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.ledger import SqlLedger
from tests.conformance.post_port import PostConformance

CHANNELS = ("inbox", "jira")


class TestSqliteFilePost(PostConformance):
    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[Ledger]:
        opened = SqlLedger.open(tmp_path / "ledger.sqlite", upgrade=True, channels=CHANNELS)
        yield opened
        await opened.close()


class TestSqliteMemoryPost(PostConformance):
    @pytest.fixture
    async def ledger(self) -> AsyncIterator[Ledger]:
        opened = SqlLedger.in_memory(CHANNELS)
        yield opened
        await opened.close()
