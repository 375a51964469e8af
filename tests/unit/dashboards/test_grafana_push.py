"""Dashboards on their way: written once and replaced after, annotated once, linked to; with the errors an operator meets."""

import json
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from llo11ypop.core.access import Access
from llo11ypop.core.errors import ConfigError, StoreError
from llo11ypop.core.window import Window
from llo11ypop.dashboards.build import dashboard_json
from llo11ypop.dashboards.grafana import Grafana
from llo11ypop.dashboards.links import board_link, explore_link
from llo11ypop.dashboards.panels import Board, Mark
from llo11ypop.dashboards.targets import PrometheusTarget, Source
from tests.conformance.store_tables import AT, catalog
from tests.fakes.faulty_http import FaultyServer
from tests.fakes.grafana import Grafana as FakeGrafana

BOARD = Board("incident", "p1", "S1 Fan", "About", (), Window(AT - timedelta(hours=1), AT), "/proposals/p1")
MARKS = (Mark(AT, "p1: Fan", ("llo11ypop", "proposal", "p1")), Mark(AT, "p1: approve by ann", ("llo11ypop", "verdict", "p1")))


@pytest.fixture
def fake() -> FakeGrafana:
    return FakeGrafana()


@pytest.fixture
def server(fake: FakeGrafana) -> Iterator[FaultyServer]:
    with FaultyServer(fake).running() as running:
        yield running


def at(server: FaultyServer, token: str = "t0ken") -> Grafana:  # noqa: S107 - of a fake
    return Grafana(Access(server.url, SecretStr(token)))


async def test_pushing_twice_makes_one_dashboard_one_folder_and_each_mark_once(server: FaultyServer, fake: FakeGrafana) -> None:
    built = dashboard_json(BOARD, catalog(), {})
    async with at(server) as grafana:
        for new in (2, 0):
            assert (await grafana.push(built, "GPU fleet", "again")).startswith(f"/d/{BOARD.uid}")
            assert await grafana.mark(BOARD.uid, MARKS) == new
    assert list(fake.folders.values()) == ["GPU fleet"] and len(fake.dashboards) == 1
    assert fake.dashboards[BOARD.uid]["version"] == 2 and len(fake.annotations) == 2


async def test_a_folder_that_somebody_makes_at_the_same_time_is_no_error(server: FaultyServer, fake: FakeGrafana) -> None:
    async with at(server) as grafana:
        server.fails(method="POST", path="folders", status=412, body={"message": "exists"}, after=True)
        await grafana.push(dashboard_json(BOARD, catalog(), {}), "GPU fleet", "x")
    assert len(fake.dashboards) == 1


@pytest.mark.parametrize(("status", "transient"), [(401, False), (403, False), (400, False), (500, True), (503, True), (0, True)])
async def test_refusals_say_what_to_do(server: FaultyServer, status: int, transient: bool) -> None:
    server.fails(path="dashboards", status=status, body={"message": "no"}, times=9)
    async with at(server) as grafana:
        with pytest.raises(StoreError) as caught:
            await grafana.push(dashboard_json(BOARD, catalog(), {}), "GPU fleet", "x")
    assert caught.value.transient is transient and "Grafana at http://127.0.0.1" in caught.value.line()


async def test_a_wrong_token_is_named_and_not_shown(server: FaultyServer) -> None:
    async with at(server, "wr0ng") as grafana:
        with pytest.raises(StoreError, match="not allowed") as caught:
            await grafana.push(dashboard_json(BOARD, catalog(), {}), "GPU fleet", "x")
    assert "wr0ng" not in caught.value.line()


def test_a_wrong_address_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ConfigError, match="no address of a Grafana"):
        Grafana(Access("grafana:3000"))


def test_links() -> None:
    link = board_link(BOARD, "https://g/grafana/", "https://console", panel=2, cluster="c-a", node="gpu-a-017")
    parts = urlsplit(link)
    assert (parts.netloc, parts.path) == ("g", f"/grafana/d/{BOARD.uid}")
    end = round(AT.timestamp() * 1000)
    assert parse_qs(parts.query) == {
        "from": [str(end - 3_600_000)], "to": [str(end)], "var-cluster": ["c-a"], "var-node": ["gpu-a-017"], "viewPanel": ["2"],
    }  # fmt: skip
    assert board_link(BOARD, "", "https://console/") == "https://console/proposals/p1"


def test_explore() -> None:
    target = PrometheusTarget('up{cluster=~"$cluster"}', "", "60s")
    query = parse_qs(urlsplit(explore_link(BOARD, [target], Source("prometheus", "prom"), "https://g")).query)
    pane = json.loads(query["panes"][0])["llo"]
    assert pane["queries"][0]["expr"] == 'up{cluster=~".*"}' and pane["datasource"] == "prom"
    assert query["schemaVersion"] == ["1"] and int(pane["range"]["to"]) == round(AT.timestamp() * 1000)
