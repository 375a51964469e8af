"""One PostgreSQL for the tests of a process, with one database in it that is emptied before each test that asks."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.postgres_server import Server, UnavailableError, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A running server; the test is skipped, with the reason, where none can be started."""
    try:
        with running() as server:
            yield server
    except UnavailableError as why:
        pytest.skip(f"no PostgreSQL here: {why}")


@pytest.fixture(scope="session")
def _upgraded(postgres: Server) -> str:
    from llo11ypop.approvals.postgres_threads import upgrade
    from llo11ypop.ledger import schema
    from llo11ypop.ledger.connection import connect

    url = postgres.database()
    engine = connect(url)
    schema.upgrade(engine, lambda: asyncio.run(upgrade(url)))
    engine.dispose()
    return url


@pytest.fixture
def postgres_url(postgres: Server, _upgraded: str) -> str:
    """The address of a database as `llo11ypop db upgrade` leaves it: empty, and used by nobody else."""
    postgres.empty(_upgraded)
    return _upgraded
