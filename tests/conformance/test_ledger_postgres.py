"""The SQL ledger, and the channels' post, on a real PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.ledger import SqlLedger
from tests.conformance.ledger_port import LedgerConformance
from tests.conformance.post_port import PostConformance

pytestmark = pytest.mark.postgres


class TestPostgres(LedgerConformance):
    @pytest.fixture
    async def ledger(self, postgres_url: str) -> AsyncIterator[Ledger]:
        opened = SqlLedger.open(postgres_url)
        yield opened
        await opened.close()


class TestPostgresPost(PostConformance):
    @pytest.fixture
    async def ledger(self, postgres_url: str) -> AsyncIterator[Ledger]:
        opened = SqlLedger.open(postgres_url, channels=("inbox", "jira"))
        yield opened
        await opened.close()
