"""Links on answers and proposals, and what they lead to: Explore, the console, a dashboard, evidence that does not change."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pyarrow as pa
import pytest

from llo11ypop import cli
from llo11ypop.ask.answer_json import answer_json
from llo11ypop.channels.blocks import Link as Block
from llo11ypop.channels.outbox import Delivered, News, deliver_due
from llo11ypop.channels.ticket import body
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.core.question import Answer, Link, Status
from llo11ypop.core.window import Window
from llo11ypop.daemon.dashboards import Boards, incident
from llo11ypop.dashboards.snapshot import ROWS, frame, snapshot_json
from llo11ypop.ledger import SqlLedger
from llo11ypop.settings import Settings, load_settings
from tests.conformance.store_tables import AT as NOW
from tests.conformance.store_tables import catalog, plan, store_of
from tests.fakes.faulty_http import FaultyServer
from tests.fakes.grafana import Grafana
from tests.ledger_samples import AT, LEASE, approve, evidence, proposal
from tests.shared_data import shared_folder

QUESTION = "Highest GPU temperature per node"
CHANNELS = ("inbox", "grafana")


@pytest.fixture
def app() -> Grafana:
    return Grafana()


@pytest.fixture
def server(app: Grafana) -> Iterator[FaultyServer]:
    with FaultyServer(app).running() as running:
        yield running


@pytest.fixture
async def ledger() -> AsyncIterator[SqlLedger]:
    opened = SqlLedger.open(":memory:", upgrade=True, channels=CHANNELS)
    await opened.open_cycle("cycle-1", AT, "hash")
    yield opened
    await opened.close()


def settings(url: str = "", **more: Any) -> Settings:
    grafana = {"url": url, "token": "t0ken", "elasticsearch": "E1"} if url else {}
    elastic = {"url": "http://127.0.0.1:9", "datasets": {"gpu_metrics": {"index": "metrics-nvidia_gpu.stats-*", "aliases": "elastic_nvidia_gpu"}}}  # fmt: skip # noqa: E501
    return load_settings(None, grafana=grafana, telemetry={"elasticsearch": elastic}, **more)


async def answered(**parts: Any) -> Answer:
    shape = {
        "dataset": "gpu_metrics",
        "window": "1h",
        "by": ["node_id"],
        "measures": {"t": {"agg": "max", "field": "gpu_temp_c"}},
    }
    rows = [{"ts": 5, "gpu_uuid": "g", "node_id": "n1", "cluster": "c-a", "gpu_temp_c": 60.0}]
    found = await store_of({"gpu_metrics": rows, "syslog": [{"ts": 5}]}).run(plan(**{**shape, **parts}), NOW)
    return Answer(Status.ANSWERED, "60 °C", "as asked", "t", NOW, evidence=(found,))


async def test_an_answer_leads_to_the_same_query_in_explore() -> None:
    answer = await answered()
    (link,) = await Boards(settings("http://grafana"), catalog()).of_answer(QUESTION, answer)
    pane = json.loads(parse_qs(urlsplit(link.url).query)["panes"][0])["llo"]
    (query,) = pane["queries"]
    assert link.title == "Explore in Grafana" and link.url.startswith("http://grafana/explore?")
    assert query["metrics"] == [{"field": "gpu.temperature.gpu", "id": "1", "type": "max"}]
    assert query["bucketAggs"][0]["field"] == "gpu.labels.Hostname" and "$cluster" not in query["query"]
    assert pane["range"]["to"] == str(round(NOW.timestamp() * 1000))
    as_json = answer_json(replace(answer, links=(link,)))
    assert as_json["links"] == [{"title": link.title, "url": link.url}]


@pytest.mark.parametrize(
    ("url", "parts", "kept", "expected"),
    [
        ("", {}, True, ["http://127.0.0.1:8080/evidence/"]),
        ("", {}, False, []),
        ("http://grafana", {"dataset": "syslog", "by": ["node_id"], "measures": {"n": {"agg": "count"}}}, True, ["/evidence/"]),
        ("http://grafana", {"by": ["gpu_index"]}, True, ["/evidence/"]),
    ],
    ids=["no Grafana", "nothing kept", "in DuckDB only", "a field that is worked out"],
)
async def test_what_grafana_cannot_show_leads_to_the_console(
    url: str, parts: dict[str, Any], kept: bool, expected: list[str]
) -> None:
    answer = await answered(**parts)
    links = await Boards(settings(url), catalog(), kept=kept).of_answer(QUESTION, answer)
    assert len(links) == len(expected)
    for link, part in zip(links, expected, strict=True):
        assert part in link.url and link.url.endswith(answer.evidence[0].id) and link.title == "Evidence in the console"


async def test_an_answer_that_read_nothing_has_no_link() -> None:
    assert await Boards(settings("http://grafana"), catalog()).of_answer(QUESTION, replace(await answered(), evidence=())) == ()


async def test_a_filed_proposal_gets_a_dashboard_and_its_link_and_frozen_evidence(
    app: Grafana, server: FaultyServer, ledger: SqlLedger
) -> None:
    boards = Boards(settings(server.url, channels={"console_url": "https://console"}), catalog())
    channel = boards.channel(ledger)
    assert channel is not None and boards.settings.channel_names == CHANNELS
    await ledger.file(proposal(), [evidence()])
    assert await deliver_due(ledger, [channel], AT, links=boards.of_proposal) == Delivered(sent=1)
    (link,) = boards.of_proposal(proposal())
    uid = urlsplit(link.url).path.rpartition("/")[2]
    assert link.url.startswith(f"{server.url}/d/llo-incident-") and list(app.dashboards) == [uid]
    (frozen,) = app.snapshots
    assert frozen["expires"] == 0 and frozen["dashboard"]["panels"][0]["snapshotData"][0]["fields"][0] == {
        "name": "sensor", "type": "string", "config": {}, "values": ["FAN3", "FAN4"],
    }  # fmt: skip
    leads = {one["title"]: one["url"] for one in app.dashboards[uid]["links"]}
    assert leads == {
        "LLo11yPop": f"https://console/proposals/{proposal().id}",
        "Evidence as filed": f"{server.url}/dashboard/snapshot/key0",
    }
    await ledger.record_verdict(proposal().id, approve(), lease=LEASE)
    later = AT + timedelta(hours=1)
    assert (await deliver_due(ledger, [channel], later, links=boards.of_proposal)).sent == 1
    assert len(app.snapshots) == 1 and app.dashboards[uid]["version"] == 2


async def test_a_grafana_that_is_down_loses_nothing(app: Grafana, server: FaultyServer, ledger: SqlLedger) -> None:
    boards = Boards(settings(server.url), catalog())
    channel = boards.channel(ledger)
    assert channel is not None
    await ledger.file(proposal(), [evidence()])
    server.fails(path="api", status=503, times=99)
    assert await deliver_due(ledger, [channel], AT) == Delivered(failed=1)
    server.faults.clear()
    server.fails(path="dashboards/db", status=500, body={"message": "timeout"}, after=True)
    assert await deliver_due(ledger, [channel], AT + timedelta(minutes=1)) == Delivered(failed=1)
    assert await deliver_due(ledger, [channel], AT + timedelta(minutes=10)) == Delivered(sent=1)
    assert len(app.dashboards) == len(app.snapshots) == len(app.folders) == 1


async def test_what_grafana_does_not_take_is_given_up_alone(server: FaultyServer, ledger: SqlLedger) -> None:
    boards = Boards(settings(server.url), catalog())
    channel = boards.channel(ledger)
    assert channel is not None
    await ledger.file(proposal(1), [evidence()])
    server.fails(path="dashboards/db", status=400, body={"message": "no"})
    assert await deliver_due(ledger, [channel], AT, tries=1) == Delivered(dead=1)
    await ledger.file(proposal(2), [evidence()])
    assert await deliver_due(ledger, [channel], AT + timedelta(hours=1)) == Delivered(sent=1)


async def test_tickets_carry_the_link_and_without_grafana_there_is_none_but_the_consoles(ledger: SqlLedger) -> None:
    from llo11ypop.approvals.post import Delivery

    told = Delivery(1, proposal().id, "jira", "filed", 0, AT)
    news = News(proposal(), told, (), AT, links=(Link("Dashboard in Grafana", "https://g/d/x?from=1"),))
    leads = [b for b in body(news, "https://console", tables=0, rows=0, query=0) if isinstance(b, Block)]
    assert leads == [
        Block("Open in LLo11yPop", f"https://console/proposals/{proposal().id}"),
        Block("Dashboard in Grafana", "https://g/d/x?from=1"),
    ]
    without = Boards(settings(), catalog())
    assert without.of_proposal(proposal()) == () and without.channel(ledger) is None
    quiet = load_settings(None, grafana={"url": "http://g", "incidents": False})
    assert quiet.channel_names == ("inbox",)


async def test_evidence_that_is_not_understood_any_more_leaves_an_empty_board(ledger: SqlLedger) -> None:
    await ledger.file(proposal(), [evidence()])
    assert (await incident(proposal().id, ledger, catalog())).panels == ()


def test_frozen_rows_keep_their_types_and_their_number_is_said() -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    rows = pa.table({"at": [at, None], "n": [1, None], "x": [0.5, float("nan")], "s": ["a", None], "none": pa.nulls(2)})
    fields = frame(replace(evidence(), rows=rows))["fields"]
    assert [(f["name"], f["type"], f["values"]) for f in fields] == [
        ("at", "time", [1777593600000, None]),
        ("n", "number", [1, None]),
        ("x", "number", [0.5, None]),
        ("s", "string", ["a", None]),
        ("none", "string", [None, None]),
    ]
    many = replace(evidence(), rows=pa.table({"n": list(range(ROWS + 9))}), row_count=ROWS + 9, status=EvidenceStatus.OK)
    built = snapshot_json("x", [many], Window(AT - timedelta(hours=1), AT))
    assert len(built["panels"][0]["snapshotData"][0]["fields"][0]["values"]) == ROWS
    assert f"{ROWS + 9} row(s), the first {ROWS} shown" in built["panels"][0]["title"]


def test_a_snapshot_is_a_dashboard_by_grafanas_schema() -> None:
    path = shared_folder() / "specs" / "grafana" / "dashboard.json"
    if not path.exists():
        pytest.skip("Grafana's schemas are not here")
    built = snapshot_json("x", [evidence()], Window(AT - timedelta(hours=1), AT))
    for panel in built["panels"]:
        del panel["snapshotData"]
    document = json.loads(path.read_text())
    schema = {**document, "$ref": "#/definitions/Dashboard"}
    assert [problem.message for problem in jsonschema.Draft7Validator(schema).iter_errors(built)] == []
    assert len(built["panels"]) == 1


def test_the_command_freezes_a_piece_of_evidence_once(
    app: Grafana, server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    async def keep() -> None:
        opened = SqlLedger.open(f"sqlite:///{tmp_path}/ledger.sqlite", upgrade=True)
        await opened.save_evidence([evidence()])
        await opened.close()

    asyncio.run(keep())
    monkeypatch.setenv("LLO11YPOP__LEDGER__PATH", str(tmp_path / "ledger.sqlite"))
    assert cli.run(["dashboard", "evidence", evidence().id]) == 0
    assert capsys.readouterr().out.strip() == f"http://127.0.0.1:8080/evidence/{evidence().id}"
    monkeypatch.setenv("LLO11YPOP__GRAFANA__URL", server.url)
    monkeypatch.setenv("LLO11YPOP__GRAFANA__TOKEN", "t0ken")
    for _ in range(2):
        assert cli.run(["dashboard", "evidence", evidence().id, "--push"]) == 0
        assert capsys.readouterr().out.strip() == f"{server.url}/dashboard/snapshot/key0"
    assert len(app.snapshots) == 1
    assert cli.run(["dashboard", "evidence", "none", "--push"]) == 2
