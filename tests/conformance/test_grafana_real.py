"""`pytest -m grafana --allow-hosts=<host>`: a dashboard pushed to a real Grafana, replaced, annotated, frozen, and taken away."""

import os
import uuid
from datetime import timedelta

import pytest
from pydantic import SecretStr

from llo11ypop.core.access import Access
from llo11ypop.core.clock import SystemClock
from llo11ypop.core.window import Window
from llo11ypop.dashboards.build import dashboard_json
from llo11ypop.dashboards.grafana import Grafana
from llo11ypop.dashboards.panels import Board, Mark
from tests.conformance.store_tables import catalog

URL = os.environ.get("LLO11YPOP_TEST_GRAFANA_URL", "")
pytestmark = [
    pytest.mark.grafana,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not URL, reason="set LLO11YPOP_TEST_GRAFANA_URL and _TOKEN to run against a real Grafana"),
]


async def test_a_dashboard_in_a_real_grafana_lives_and_ends() -> None:
    now, name = SystemClock().now(), f"test-{uuid.uuid4().hex[:8]}"
    board = Board("incident", name, "LLo11yPop test: please ignore", "", (), Window(now - timedelta(hours=1), now), "/")
    built = dashboard_json(board, catalog(), {})
    access = Access(URL, token=SecretStr(os.environ["LLO11YPOP_TEST_GRAFANA_TOKEN"]))
    mark = Mark(now, f"{name}: filed", ("llo11ypop", "proposal", name))
    async with Grafana(access) as grafana:
        try:
            for new in (1, 0):
                assert (await grafana.push(built, "LLo11yPop test", "test")).startswith(f"/d/{board.uid}")
                assert await grafana.mark(board.uid, [mark]) == new
            frozen = await grafana.freeze(built)
            assert await grafana.freeze(built) == frozen
            kept = await grafana.ask("GET", f"/api/dashboards/uid/{board.uid}")
            assert kept["dashboard"]["title"] == built["title"]
        finally:
            await grafana.ask("DELETE", f"/api/dashboards/uid/{board.uid}", missing=True)
