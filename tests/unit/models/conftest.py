from collections.abc import Iterator

import pytest

from llo11ypop.models.fake import FakeModelServer


@pytest.fixture(scope="session")
def _server() -> Iterator[FakeModelServer]:
    with FakeModelServer() as server:
        yield server


@pytest.fixture
def fake(_server: FakeModelServer) -> FakeModelServer:
    """A fake endpoint without rules and without faults."""
    _server.script()
    return _server
