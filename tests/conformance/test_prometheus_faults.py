"""How the store behaves towards a Prometheus that is busy, partial, strict or gone; a strict fake on loopback answers."""

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from llo11ypop.core.access import Access
from llo11ypop.core.errors import ConfigError, PlanError, StoreError, UnknownNameError
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.stores.prometheus import Place, PrometheusStore
from tests.conformance.store_tables import AT, catalog, plan, store_of
from tests.fakes.faulty_http import Call, FaultyServer, Reply
from tests.prometheus_fleet import PLACES, prometheus_store

COUNT = plan(dataset="gpu_metrics", window="1h", by=["node_id"], measures={"n": {"agg": "count"}})


class Fake:
    """The few endpoints that the store uses; refuses what Prometheus refuses: unknown paths and queries that do not parse."""

    def __init__(self, *, left_open: bool = True) -> None:
        self.left_open = left_open
        self.queries: list[dict[str, str]] = []
        self.more: dict[str, Any] = {}

    def handle(self, call: Call) -> Reply:
        path = call.path.removeprefix("/prefix")
        if path == "/api/v1/label/__name__/values":
            return self._ok(["DCGM_FI_DEV_POWER_USAGE"])
        if path == "/api/v1/labels":
            return self._ok(["__name__", "Hostname", "UUID"])
        if path != "/api/v1/query" or call.method != "POST":
            return Reply(404, b"404 page not found")
        form = {k: v[0] for k, v in parse_qs(call.body.decode()).items()}
        self.queries.append(form)
        if form["query"].count("(") != form["query"].count(")") or float(form["time"]) < 0:
            return Reply(400, {"status": "error", "errorType": "bad_data", "error": "parse error"})
        if "vector(1)" in form["query"]:
            return self._vector({}, "1" if self.left_open else "2")
        if form["query"].startswith("count("):
            return self._ok({"resultType": "vector", "result": []})
        return self._vector({"Hostname": "n1"}, "12")

    def _vector(self, labels: dict[str, str], value: str) -> Reply:
        return self._ok({"resultType": "vector", "result": [{"metric": labels, "value": [1.0, value]}]})

    def _ok(self, data: Any) -> Reply:
        return Reply(200, {"status": "success", "data": data, **self.more})


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def server(fake: Fake) -> Iterator[FaultyServer]:
    with FaultyServer(fake).running() as running:
        yield running


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llo11ypop.stores.retrying.FIRST_PAUSE_S", 0.01)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 0])
async def test_what_is_transient_is_tried_again(server: FaultyServer, status: int) -> None:
    store = prometheus_store(server.url)
    await store.exports()
    server.fails(path="query", status=status, times=2)
    found = await store.run(COUNT, AT)
    assert found.rows.to_pylist() == [{"node_id": "n1", "n": 12}]
    assert store.query_count == len(server.calls)


async def test_a_server_that_stays_busy_is_a_transient_error(server: FaultyServer) -> None:
    store = prometheus_store(server.url)
    server.fails(status=503, body={"status": "error", "errorType": "timeout", "error": "query timed out"}, times=99)
    with pytest.raises(StoreError, match="query timed out") as caught:
        await store.run(COUNT, AT)
    assert caught.value.transient


@pytest.mark.parametrize(
    ("status", "said"), [(400, "refused"), (401, "not allowed"), (403, "not allowed"), (422, "could not work out")]
)
async def test_what_is_not_transient_is_asked_once(server: FaultyServer, status: int, said: str) -> None:
    store = prometheus_store(server.url)
    await store.exports()
    server.calls.clear()
    server.fails(path="query", status=status, body={"status": "error", "error": "no"}, times=99)
    with pytest.raises(StoreError, match=said) as caught:
        await store.run(COUNT, AT)
    assert not caught.value.transient and caught.value.next_step
    assert len({call.body for call in server.calls}) == len(server.calls)


@pytest.mark.parametrize("more", [{"warnings": ["store x is down"]}, {"isPartial": True}])
async def test_a_part_of_an_answer_is_an_error(server: FaultyServer, fake: Fake, more: dict[str, Any]) -> None:
    store = prometheus_store(server.url)
    await store.exports()
    fake.more = more
    with pytest.raises(StoreError, match="only a part of the answer") as caught:
        await store.run(COUNT, AT)
    assert caught.value.transient


async def test_hints_of_prometheus_3_are_no_part_missing(server: FaultyServer, fake: Fake) -> None:
    fake.more = {"infos": ["metric might not be a counter"]}
    assert (await prometheus_store(server.url).run(COUNT, AT)).status is EvidenceStatus.OK


async def test_every_part_is_asked_for(server: FaultyServer, fake: Fake) -> None:
    await prometheus_store(server.url).run(COUNT, AT)
    assert all(form["partial_response"] == "false" and form["deny_partial_response"] == "1" for form in fake.queries)


@pytest.mark.parametrize(("left_open", "width"), [(True, "3600000ms"), (False, "3599999ms")])
async def test_the_range_follows_the_servers_idea_of_it(left_open: bool, width: str) -> None:
    fake = Fake(left_open=left_open)
    with FaultyServer(fake).running() as server:
        found = await prometheus_store(server.url).run(COUNT, AT)
    assert all(f"[{width}]" in query.text for query in found.queries)
    assert {form["time"] for form in fake.queries[1:]} == {f"{AT.timestamp() - 0.001:.3f}"}


async def test_token_tenant_headers_and_path(server: FaultyServer) -> None:
    access = Access(f"{server.url}/prefix/", token=SecretStr("s3cret"), tenant="gpu", headers={"X-Team": "sre"})
    await PrometheusStore(access, catalog(), PLACES).run(COUNT, AT)
    for call in server.calls:
        assert call.path.startswith("/prefix/api/v1/")
        sent = {name.lower(): value for name, value in call.headers.items()}
        assert sent["authorization"] == "Bearer s3cret" and sent["x-team"] == "sre"
        assert sent["x-scope-orgid"] == sent["thanos-tenant"] == "gpu"


async def test_user_and_password(server: FaultyServer) -> None:
    await prometheus_store(server.url, user="reader", password=SecretStr("s3cret")).exports()
    wanted = "Basic " + base64.b64encode(b"reader:s3cret").decode()
    assert {call.headers["Authorization"] for call in server.calls} == {wanted}


async def test_nothing_there_says_what_to_do() -> None:
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        await prometheus_store("http://user:s3cret@127.0.0.1:1").run(COUNT, AT)
    assert caught.value.transient and "s3cret" not in caught.value.line()


async def test_another_kind_of_server_is_named(server: FaultyServer) -> None:
    with pytest.raises(StoreError, match="the answer is no JSON"):
        await prometheus_store(f"{server.url}/elsewhere").exports()


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://host", "http://"])
async def test_a_wrong_address_is_a_mistake_in_the_settings(url: str) -> None:
    with pytest.raises(ConfigError):
        await prometheus_store(url).exports()


@pytest.mark.parametrize(
    ("places", "error"),
    [
        ({"gpu_events": Place()}, ConfigError),
        ({"gpu_metric": Place()}, UnknownNameError),
        ({"gpu_metrics": Place(aliases="dcgm")}, UnknownNameError),
        ({"gpu_metrics": Place(rows="power")}, UnknownNameError),
    ],
)
def test_places_that_cannot_be(places: dict[str, Place], error: type[Exception]) -> None:
    with pytest.raises(error):
        PrometheusStore(Access("http://127.0.0.1:1"), catalog(), places)


async def test_a_hanging_server_is_given_up(server: FaultyServer) -> None:
    server.fails(hang_s=5, times=9)
    store = PrometheusStore(Access(server.url, timeout_s=0.05), catalog(), PLACES, deadline_s=0.5)
    with pytest.raises(StoreError, match="no answer in time") as caught:
        await store.exports()
    assert caught.value.transient


async def test_nan_is_no_reading(server: FaultyServer, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake, "_vector", lambda labels, value: Fake._vector(fake, labels, "NaN" if labels else value))
    with pytest.raises(PlanError, match="NaN"):
        await prometheus_store(server.url).run(COUNT, AT)


def test_the_main_store_knows_nothing_of_it() -> None:
    assert store_of({"gpu_metrics": []}).run_many_now({"p": COUNT}, AT)["p"].status is EvidenceStatus.NO_DATA
