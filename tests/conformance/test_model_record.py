"""The record of model calls on SQLite and on a real PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llo11ypop.ledger import SqlLedger, calls
from tests.conformance.model_record_port import ModelRecordConformance


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAGE", 3)


class TestSqlite(ModelRecordConformance):
    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> AsyncIterator[SqlLedger]:
        opened = SqlLedger.open(tmp_path / "ledger.sqlite", upgrade=True)
        yield opened
        await opened.close()


@pytest.mark.postgres
class TestPostgres(ModelRecordConformance):
    @pytest.fixture
    async def ledger(self, postgres_url: str) -> AsyncIterator[SqlLedger]:
        opened = SqlLedger.open(postgres_url)
        yield opened
        await opened.close()
