"""Who pays: the day across processes and midnights, the metrics, and a ledger that fails."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llo11ypop.core.clock import ManualClock
from llo11ypop.ledger import SqlLedger
from llo11ypop.models import probed
from llo11ypop.models.config import Budgets, Limit
from llo11ypop.models.fake import FakeModelServer, Rule
from llo11ypop.models.port import Reason, Refused, note
from llo11ypop.models.probed import Found
from llo11ypop.models.record import Kept, Noted
from llo11ypop.models.spending import Scope, spending
from llo11ypop.observability.metrics import REGISTRY
from tests.conformance.model_record_port import CALL
from tests.model_samples import VALUE, client, endpoint, request

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
async def ledger() -> AsyncIterator[SqlLedger]:
    opened = SqlLedger.in_memory()
    yield opened
    await opened.close()


async def kept(ledger: SqlLedger) -> list[Kept]:
    return [one async for one in ledger.model_calls.all()]


async def test_what_others_spent_today_counts_and_what_was_spent_yesterday_does_not(
    fake: FakeModelServer, ledger: SqlLedger
) -> None:
    for n in range(9):
        await ledger.model_calls.keep(replace(CALL, id=f"today-{n}", at=NOON))
    await ledger.model_calls.keep(replace(CALL, id="yesterday", at=NOON - timedelta(hours=13)))
    models = client(fake, record=ledger.model_calls, clock=ManualClock(NOON), budgets=Budgets(day=Limit(calls=10)))
    await models.ask(request())
    with pytest.raises(Refused, match="the day's budget of 10 calls is used up"):
        await models.ask(request(user="b"))


async def test_a_new_day_begins_at_midnight_utc(fake: FakeModelServer) -> None:
    clock = ManualClock(NOON)
    models = client(fake, clock=clock, budgets=Budgets(day=Limit(calls=1)))
    await models.ask(request())
    with pytest.raises(Refused):
        await models.ask(request(user="b"))
    clock.advance(timedelta(hours=12))
    assert (await models.ask(request(user="c"))).value == VALUE


async def test_a_ledger_that_fails_costs_no_answer(fake: FakeModelServer, tmp_path: Path) -> None:
    broken = SqlLedger.open(tmp_path / "ledger.sqlite", upgrade=True)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("DROP TABLE model_calls")
    db.close()
    models = client(fake, record=broken.model_calls, budgets=Budgets(day=Limit(calls=5)))
    reply = await models.ask(request())
    await note(models, reply.call_id, accepted=True)
    assert reply.value == VALUE
    await broken.close()


async def test_what_became_of_an_answer_is_kept(fake: FakeModelServer, ledger: SqlLedger) -> None:
    models = client(fake, record=ledger.model_calls)
    reply = await models.ask(request())
    await note(models, reply.call_id, accepted=False, why="unsaid filter", preferred={"area": "network"})
    (one,) = await kept(ledger)
    assert one.call.id == reply.call_id
    assert one.noted == Noted(False, "unsaid filter", {"area": "network"})


async def test_a_repair_names_the_call_that_it_repairs(fake: FakeModelServer, ledger: SqlLedger) -> None:
    fake.script([Rule(answer="Sure!", times=1)])
    await client(fake, record=ledger.model_calls).ask(request(refs=("e-1",)))
    first, second = (one.call for one in await kept(ledger))
    assert (first.outcome, first.output, first.repairs) == (Reason.PROSE, "Sure!", "")
    assert (second.outcome, second.repairs, second.user) == ("accepted", first.id, first.user)
    assert "text and not JSON" in first.why
    assert first.refs == ("e-1",)


@pytest.mark.parametrize(("wait_s", "requests"), [(0.2, 2), (3600, 1)])
async def test_a_server_that_asks_for_patience_gets_some(fake: FakeModelServer, wait_s: float, requests: int) -> None:
    fake.script([Rule(fault="429", retry_after_s=wait_s, times=1)])
    models = client(fake)
    if requests == 1:
        with pytest.raises(Refused) as bad:
            await models.ask(request())
        assert bad.value.reason == Reason.RATE_LIMITED
    else:
        assert (await models.ask(request())).value == VALUE
    assert len(fake.bodies) == requests


async def test_metrics_count_calls_tokens_cost_and_refusals(fake: FakeModelServer) -> None:
    def sample(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"llo11ypop_model_{name}_total", {"role": "writer", **labels}) or 0.0

    def seen() -> list[float]:
        where = {"model": "fake-metered"}
        return [
            sample("calls", outcome="accepted", **where),
            sample("calls", outcome="schema", **where),
            sample("calls_unmetered", **where),
            sample("tokens", kind="in", **where),
            sample("cost", **where),
            sample("refused", reason="schema"),
            sample("memory_hits"),
        ]

    before = seen()
    models = client(fake, "writer", model="fake-metered", price_in_per_mtok=1, price_out_per_mtok=1, cache=1)
    with spending(Scope.CYCLE) as spent:
        await models.ask(request("writer"))
        await models.ask(request("writer"))
        fake.script(fault="no_usage")
        await models.ask(request("writer", user="b"))
        fake.script(fault="wrong_json")
        with pytest.raises(Refused):
            await models.ask(request("writer", user="c"))
    accepted, bad, unmetered, tokens, cost, refused, hits = (b - a for a, b in zip(before, seen(), strict=True))
    assert (accepted, bad, unmetered, refused, hits) == (2, 2, 1, 1, 1)
    assert tokens == spent.summary()["tokens_in"] > 0
    assert cost == pytest.approx(spent.summary()["cost"], abs=1e-6)


def test_what_a_probe_found_is_kept_beside_what_it_found_before(tmp_path: Path, fake: FakeModelServer) -> None:
    file = tmp_path / "deep" / "models.json"
    one = endpoint(fake)
    first = Found(*one.place, "json_mode", None, True, 1.0, "2026-11-22T00:00:00Z")
    other = Found("http://other/v1", "m", "json_schema", 10, True, 1.0, "2026-11-22T00:00:00Z")
    probed.write(file, [first, other])
    probed.write(file, [Found(*one.place, "function_calling", 4096, True, 1.0, "2026-11-23T00:00:00Z")])
    assert {f.model: f.method for f in probed.read(file)} == {"fake-model": "function_calling", "m": "json_schema"}
    assert probed.methods(file, {"writer": one}) == {one.place: "function_calling"}


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"base_url": "x"}]', '[{"method": "xml"}]'])
def test_a_file_of_findings_that_is_not_ours_is_no_finding(tmp_path: Path, text: str) -> None:
    (tmp_path / "models.json").write_text(text, encoding="utf-8")
    assert probed.read(tmp_path / "models.json") == []
