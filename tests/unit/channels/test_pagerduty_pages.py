"""Pages in a strict PagerDuty over real HTTP: only what is urgent, once, never a storm of them; and answers read back."""

import json
import warnings
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from llo11ypop.channels import pagerduty_answers
from llo11ypop.channels.failure import ChannelDown
from llo11ypop.channels.listen import Listening, Signed
from llo11ypop.channels.pagerduty_answers import PagerDutyAnswers
from llo11ypop.channels.pagerduty_read import PagerDutyReader
from llo11ypop.channels.pagerduty_site import PagerDutySite
from llo11ypop.console.webhooks import WebhookRefused
from llo11ypop.core.clock import ManualClock
from llo11ypop.core.proposal import Proposal, ReasonCode, Verdict, VerdictKind
from llo11ypop.core.vocabulary import Severity
from tests.fakes.pagerduty import ROUTING_KEY, SERVICE
from tests.ledger_samples import LEASE, approve
from tests.unit.channels.conftest import PagerDutyBench

ANA = "pagerduty:Ana Diaz (PANA)"


async def test_a_page_has_what_the_person_who_is_woken_needs(pagerduty: PagerDutyBench) -> None:
    one = await pagerduty.files()
    assert (await pagerduty.deliver()).sent == 1
    (incident,) = pagerduty.fake.incidents
    event = incident["events"][0]
    assert (incident["key"], event["payload"]["severity"]) == (one.id, "error")
    assert event["payload"]["source"] == "node:gpu-a-001"
    assert event["links"] == [{"href": f"https://llo11ypop.example.org/proposals/{one.id}", "text": "Open in LLo11yPop"}]
    details = event["payload"]["custom_details"]
    assert details["proposed action"] == "TECH"
    assert details["arguments"] == {"node": "gpu-a-001", "part": "fan", "slot": "3"}
    assert details["must not be done"] == ["REBOOT"]
    assert details["evidence"][0] == {"sensor": "FAN3", "rpm": "0"}


@pytest.mark.parametrize(
    ("severity", "loud"), [(Severity.S1, "critical"), (Severity.S2, "error"), (Severity.S3, ""), (Severity.S4, "")]
)
async def test_only_what_is_urgent_pages(pagerduty: PagerDutyBench, severity: Severity, loud: str) -> None:
    await pagerduty.files(severity=severity)
    assert (await pagerduty.deliver()).sent == 1, "the row is done either way"
    assert [i["events"][0]["payload"]["severity"] for i in pagerduty.fake.incidents] == ([loud] if loud else [])


async def test_the_whole_life_of_a_page(pagerduty: PagerDutyBench) -> None:
    one = await pagerduty.files()
    await pagerduty.deliver()
    await pagerduty.ledger.record_verdict(one.id, approve(at=pagerduty.at), lease=LEASE)
    await pagerduty.deliver()
    assert pagerduty.fake.incidents[0]["status"] == "acknowledged"
    two = await pagerduty.files(2)
    await pagerduty.deliver()
    await pagerduty.ledger.clear(two.id, pagerduty.at)
    await pagerduty.deliver()
    assert pagerduty.fake.incidents[1]["status"] == "resolved"
    pagerduty.passes(60)
    await pagerduty.ledger.reopen(two.id, pagerduty.at, "cycle-2")
    await pagerduty.deliver()
    assert pagerduty.fake.notifications == [one.id, two.id, two.id]


async def test_nobody_is_woken_for_what_is_over(pagerduty: PagerDutyBench) -> None:
    one = await pagerduty.files()
    await pagerduty.ledger.clear(one.id, pagerduty.at)
    assert (await pagerduty.deliver()).sent == 2
    assert pagerduty.fake.incidents == []


async def test_a_storm_becomes_one_page(pagerduty: PagerDutyBench) -> None:
    made = []
    for number in range(1, 41):
        made.append(await pagerduty.files(number))
        await pagerduty.deliver()
        pagerduty.passes(0.5)
    assert len(pagerduty.fake.notifications) == 4, "three by themselves, one for the thirty-seven others"
    storm = pagerduty.fake.incidents[-1]
    assert storm["key"] == f"storm:{made[3].id}"
    last = storm["events"][-1]["payload"]
    assert "37 more proposals" in last["summary"]
    assert (len(last["custom_details"]["proposals"]), last["custom_details"]["more"]) == (20, 17)
    pagerduty.passes(30)
    later = await pagerduty.files(99)
    await pagerduty.deliver()
    assert pagerduty.fake.notifications[-1] == later.id, "the storm is over"
    for one in made[3:]:
        assert storm["status"] == "triggered"
        await pagerduty.ledger.clear(one.id, pagerduty.at)
        await pagerduty.deliver()
    assert storm["status"] == "resolved"


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 429}, {"status": 401}, {"after": True}, {"status": 500, "after": True}]
)
async def test_a_page_is_sent_once_whatever_goes_wrong(pagerduty: PagerDutyBench, fault: dict[str, Any]) -> None:
    await pagerduty.files()
    pagerduty.server.fails(path="/v2/enqueue", **fault)
    assert (await pagerduty.deliver()).failed == 1
    state = await pagerduty.ledger.post.state("pagerduty")
    assert state.failures == 1
    assert " — " in state.reason
    assert ROUTING_KEY not in state.reason + json.dumps([c.path for c in pagerduty.server.calls])
    pagerduty.passes(1)
    assert (await pagerduty.deliver()).sent == 1
    assert len(pagerduty.fake.notifications) == 1


async def test_a_day_of_errors_gives_nothing_up(pagerduty: PagerDutyBench) -> None:
    await pagerduty.files()
    pagerduty.server.fails(path="/v2/enqueue", status=500, times=10_000)
    for _ in range(48):
        await pagerduty.deliver()
        pagerduty.passes(30)
    assert await pagerduty.ledger.post.dead() == []
    pagerduty.server.faults.clear()
    pagerduty.passes(60)
    assert (await pagerduty.deliver()).sent == 1


@pytest.mark.parametrize(
    ("headers", "minutes"),
    [({"Retry-After": "300"}, 5), ({"ratelimit-reset": "120"}, 2), ({}, 0.5)],
    ids=["asked", "reset", "unsaid"],
)
async def test_slowing_down_is_obeyed(pagerduty: PagerDutyBench, headers: dict[str, str], minutes: float) -> None:
    await pagerduty.files()
    pagerduty.server.fails(path="/v2/enqueue", status=429, headers=headers)
    await pagerduty.deliver()
    pagerduty.passes(minutes - 0.1)
    assert (await pagerduty.deliver()).sent == 0
    assert len(pagerduty.server.calls) == 1
    pagerduty.passes(0.1)
    assert (await pagerduty.deliver()).sent == 1


async def test_a_wrong_routing_key_is_said_and_holds_everything(pagerduty: PagerDutyBench) -> None:
    pagerduty.pagerduty.site.routing_key = "x" * 32
    await pagerduty.files()
    await pagerduty.deliver()
    reason = (await pagerduty.ledger.post.state("pagerduty")).reason
    assert "does not know the routing key" in reason
    assert "x" * 32 not in reason


async def test_check_tries_the_token(pagerduty: PagerDutyBench) -> None:
    assert "incidents can be read" in await pagerduty.pagerduty.check()
    await pagerduty.pagerduty.close()
    pagerduty.pagerduty.site.token = "wrong"
    with pytest.raises(ChannelDown, match="does not accept the key"):
        await pagerduty.pagerduty.check()


def test_the_deprecation_of_the_library_is_silenced_there_only() -> None:
    import sys

    known = sys.modules.pop("pdpyras", None)
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            PagerDutySite("k", "http://127.0.0.1:9", "http://127.0.0.1:9", "", timedelta(seconds=1))._session("events")
        assert [w for w in seen if "pdpyras" in str(w.message)] == []
    finally:
        if known is not None:
            sys.modules["pdpyras"] = known


# ------------------------------------------------------------ answers
def answers_of(bench: PagerDutyBench, **more: Any) -> PagerDutyAnswers:
    return PagerDutyAnswers(bench.pagerduty.site, PagerDutyReader(**more), bench.ledger)


async def paged(bench: PagerDutyBench) -> Proposal:
    one = await bench.files()
    await bench.deliver()
    bench.passes(1)
    return one


async def verdict(bench: PagerDutyBench, one: Proposal) -> Verdict:
    said = await bench.ledger.final_verdict(one.id)
    assert said is not None
    return said


@pytest.mark.parametrize(
    ("note", "kind", "code", "text"),
    [
        ("/approve", VerdictKind.APPROVE, None, ""),
        ("/reject wrong_cause: it is the PSU", VerdictKind.REJECT, ReasonCode.WRONG_CAUSE, "it is the PSU"),
        ("/duplicate", VerdictKind.REJECT, ReasonCode.ALREADY_KNOWN, "duplicate: "),
    ],
)
async def test_a_note_is_an_answer_within_one_poll(
    pagerduty: PagerDutyBench, note: str, kind: VerdictKind, code: ReasonCode | None, text: str
) -> None:
    one = await paged(pagerduty)
    pagerduty.fake.notes(one.id, note)
    assert await answers_of(pagerduty).poll(pagerduty.desk.answer, pagerduty.at) == 1
    said = await verdict(pagerduty, one)
    assert (said.kind, said.rater, said.reason_code, said.comment) == (kind, ANA, code, text)
    assert len(await pagerduty.ledger.feedback()) == 1


async def test_acknowledging_is_noted_and_approves_only_where_a_site_says_so(pagerduty: PagerDutyBench) -> None:
    one = await paged(pagerduty)
    pagerduty.fake.clicks(one.id, "acknowledged")
    await answers_of(pagerduty).poll(pagerduty.desk.answer, pagerduty.at)
    assert await pagerduty.ledger.final_verdict(one.id) is None
    assert [(s.kind, s.author) for s in await pagerduty.ledger.post.heard(one.id)] == [("acknowledge", ANA)]
    two = await pagerduty.files(2)
    await pagerduty.deliver()
    pagerduty.fake.clicks(two.id, "acknowledged")
    await answers_of(pagerduty, acknowledged="approve").poll(pagerduty.desk.answer, pagerduty.at)
    assert (await verdict(pagerduty, two)).kind is VerdictKind.APPROVE


async def test_resolving_an_unanswered_page_says_that_it_is_over(pagerduty: PagerDutyBench) -> None:
    one = await paged(pagerduty)
    pagerduty.fake.clicks(one.id, "resolved")
    await answers_of(pagerduty).poll(pagerduty.desk.answer, pagerduty.at)
    said = await verdict(pagerduty, one)
    assert (said.kind, said.reason_code, said.rater) == (VerdictKind.REJECT, ReasonCode.STALE, ANA)


async def test_what_an_integration_does_says_nothing(pagerduty: PagerDutyBench) -> None:
    one = await paged(pagerduty)
    pagerduty.fake.clicks(one.id, "resolved", SERVICE)
    await answers_of(pagerduty).poll(pagerduty.desk.answer, pagerduty.at)
    assert await pagerduty.ledger.post.heard(one.id) == []


def listening(bench: PagerDutyBench, **more: Any) -> Listening:
    signed = Signed("pagerduty", "x-pagerduty-signature", "v1=", bench.fake.secret)
    read, clock = answers_of(bench, **more).in_webhook, ManualClock(bench.at)
    return Listening(signed, bench.ledger, bench.desk.answer, bench.clock, pagerduty_answers.webhook_at, read, clock)


def sign(bench: PagerDutyBench, body: bytes, **more: Any) -> dict[str, str]:
    return {"x-pagerduty-signature": bench.fake.signature(body, **more)}


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("with_keys", [True, False], ids=["incident names its key", "alerts do"])
async def test_a_signed_event_is_heard(pagerduty: PagerDutyBench, rotated: bool, with_keys: bool) -> None:
    pagerduty.fake.with_keys = with_keys
    one = await paged(pagerduty)
    body = pagerduty.fake.clicks(one.id, "resolved")
    assert await listening(pagerduty).hear(sign(pagerduty, body, rotated=rotated), body) == ["recorded"]
    assert (await verdict(pagerduty, one)).rater == ANA


async def test_a_signed_note_is_heard_once_by_webhook_and_poller(pagerduty: PagerDutyBench) -> None:
    one = await paged(pagerduty)
    body = pagerduty.fake.notes(one.id, "/reject noise: known")
    assert await listening(pagerduty).hear(sign(pagerduty, body), body) == ["recorded"]
    assert await answers_of(pagerduty).poll(pagerduty.desk.answer, pagerduty.at) == 0
    with pytest.raises(WebhookRefused, match="heard before"):
        await listening(pagerduty).hear(sign(pagerduty, body), body)


@pytest.mark.parametrize("signature", ["", "v1=", "v1=00", "v2={}", "{}"])
async def test_a_forged_event_is_refused(pagerduty: PagerDutyBench, signature: str) -> None:
    one = await paged(pagerduty)
    body = pagerduty.fake.clicks(one.id, "resolved")
    right = pagerduty.fake.signature(body).removeprefix("v1=")
    with pytest.raises(WebhookRefused):
        await listening(pagerduty).hear({"x-pagerduty-signature": signature.format(right)}, body)
    assert await pagerduty.ledger.final_verdict(one.id) is None


async def test_an_old_event_is_refused(pagerduty: PagerDutyBench) -> None:
    one = await paged(pagerduty)
    body = pagerduty.fake.clicks(one.id, "resolved")
    hook = replace(listening(pagerduty), real_clock=ManualClock(pagerduty.at + timedelta(hours=49)))
    with pytest.raises(WebhookRefused, match="too old"):
        await hook.hear(sign(pagerduty, body), body)


async def test_nothing_said_about_a_storm_answers_a_proposal(pagerduty: PagerDutyBench) -> None:
    for number in range(1, 5):
        await pagerduty.files(number)
        await pagerduty.deliver()
    storm = pagerduty.fake.incidents[-1]["key"]
    assert storm.startswith("storm:")
    body = pagerduty.fake.notes(storm, "/approve")
    assert await listening(pagerduty).hear(sign(pagerduty, body), body) == []
    assert await pagerduty.ledger.feedback() == []
