"""What chance, load and older trouble account for is not put down to a cause."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llo11ypop.agents.investigators.alongside import AIR, POWER, Beside, load_or_cooling
from llo11ypop.agents.investigators.causes import cost_of
from llo11ypop.agents.investigators.causes import sentence as causes_sentence
from llo11ypop.agents.investigators.hypotheses import Suspect, put_down_to
from llo11ypop.agents.investigators.lemon import _sentence as lemon_sentence
from llo11ypop.agents.investigators.lemon import is_lemon
from llo11ypop.agents.investigators.losses import Lost
from llo11ypop.agents.investigators.maintenance import without_feed
from llo11ypop.agents.investigators.slices import limit_of
from llo11ypop.agents.investigators.why import FAILED_JOBS, sentence
from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.vocabulary import Level

AT = datetime(2026, 5, 3, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
NODE = Entity(Level.NODE, "n1")


def lost(state: str = "FAILED", after: timedelta = 3 * HOUR) -> Lost:
    return Lost(1, ("n1",), "u1", "", state, AT + after, 8.0)


@pytest.mark.parametrize(
    ("jobs", "expected", "count"),
    [
        ([lost()], 0.5, 0),
        ([lost()], 0.01, 1),
        ([lost("NODE_FAIL")], 0.5, 1),
        ([lost(after=timedelta(minutes=5)), lost()], 1.5, 1),
        ([lost()] * 6, 1.5, 6),
        ([], 0.0, 0),
    ],
)
def test_jobs_that_fail_no_more_often_than_elsewhere_are_not_put_down_to_a_fault(
    jobs: list[Lost], expected: float, count: int
) -> None:
    fault = Suspect("F17", "Power supply failure", NODE, AT, AT, AT + 6 * HOUR, 0.85, ())
    assert len(put_down_to(fault, jobs, expected)) == count


@pytest.mark.parametrize(
    ("failed", "mine", "hours", "text"),
    [
        (1, 0, 0, ", with no more failed jobs there than by chance, 1 (0.5 expected)"),
        (1, 0, 16, ", with no more failed jobs there than by chance, 1 (0.5 expected) but with 16 GPU-hours lost"),
        (6, 6, 78.1, ", with 6 failed jobs there (0.5 expected) and 78.1 GPU-hours lost"),
        (3, 1, 8, ", with 1 of 3 failed jobs there put down to it and 8 GPU-hours lost"),
        (0, 0, 0, ", without any job lost there"),
        (0, 0, 24, ", without any job lost there but with 24 GPU-hours lost"),
    ],
)
def test_what_is_said_of_the_jobs_at_a_place(failed: int, mine: int, hours: float, text: str) -> None:
    assert cost_of({"failed_jobs": failed, "lost_jobs": mine, "expected_failed_jobs": 0.5, "gpu_hours": hours}) == text


def test_the_more_slices_are_looked_at_the_further_one_must_have_moved() -> None:
    assert limit_of(1) == limit_of(10) == 3.0
    assert limit_of(600) == pytest.approx(3.93, abs=0.01)


@pytest.mark.parametrize(
    ("power", "air", "text"),
    [
        (True, False, "the power of those GPUs rose from 141 to 440 W and the air at their nodes went from 21.5 to 21.6 Cel: "
         "that speaks for load, not for cooling"),
        (False, True, "the power of those GPUs went from 141 to 440 W and the air at their nodes rose from 21.5 to 21.6 Cel: "
         "that speaks for cooling, not for load"),
        (True, True, "the power of those GPUs rose from 141 to 440 W and the air at their nodes rose from 21.5 to 21.6 Cel: "
         "that speaks for load and for cooling"),
        (False, False, ""),
    ],
)  # fmt: skip
def test_load_is_told_from_cooling(power: bool, air: bool, text: str) -> None:
    found = [Beside(POWER, "W", 141, 440, power), Beside(AIR, "Cel", 21.5, 21.6, air)]
    assert load_or_cooling(found) == text
    assert not load_or_cooling(found[:1])


def row(what: str, before: float, now: float, z: float, **more: Any) -> dict[str, Any]:
    plain = {"what": what, "dimension": "", "value": "", "now": now, "before": before, "change": now - before, "z": z}
    return plain | more


@pytest.mark.parametrize(
    ("z", "text"),
    [
        (0.5, "the largest known failure meanwhile: fan failure on node n1, with 4 of the 90 failed jobs where 0.4 were"),
        (4.2, "at the same time: fan failure on node n1, with 4 of the 90 failed jobs where 0.4 were"),
    ],
)
def test_a_known_failure_explains_no_change_that_chance_brings(z: float, text: str) -> None:
    known = row("known cause", 0.4, 4, 0, dimension="fan failure", value="node n1")
    assert text in sentence(FAILED_JOBS, [row("total", 84, 90, z), known])


def test_a_node_that_leads_in_signs_is_not_cleared() -> None:
    rows = [
        {"sign": "repairs", "node": 7, "fleet_mean": 1.24, "chance_pct": 1.8, "beyond": "no"},
        {"sign": "tickets", "node": 0, "fleet_mean": 0.33, "chance_pct": 100, "beyond": "no"},
    ]
    assert lemon_sentence("n1", rows, [], verdict=False) == (
        "Not enough to call n1 a lemon: no sign is beyond chance, though it has 7 repairs (others 1.24); "
        "1.8 % of nodes as uneven as real ones have as many."
    )
    assert lemon_sentence("n1", rows[1:], [], verdict=False).startswith("No, n1 is not a lemon")


def test_supplies_of_one_rack_without_input_are_one_feed() -> None:
    rack, nodes = Entity(Level.RACK, "r1"), [Entity(Level.NODE, f"n{i}") for i in range(1, 4)]
    topology = Topology.of([(n, rack) for n in nodes])

    def supply(node: str, volts: float | None, sensor: str = "psu2") -> dict[str, Any]:
        return {"cluster": "c", "node_id": node, "sensor_id": sensor, "volts": volts}

    dark = [supply("n1", 0.0), supply("n2", 0.0), supply("n3", 0.0)]
    broken = [supply("n1", 231.0, "psu1"), supply("n2", None, "psu1")]
    assert without_feed([*dark, *broken], topology) == (broken, [{"cluster": "c", "unit_id": "feed of r1"}])
    assert without_feed(dark[:2], topology) == (dark[:2], [])
    of_one_node = [supply("n1", 0.0, f"psu{n}") for n in range(4)]
    assert without_feed(of_one_node, topology) == (of_one_node, [])


@pytest.mark.parametrize(
    ("first", "second", "verdict"), [(0.01, 1.99, True), (0.3, 1.99, False), (0.01, 20.0, False), (0.3, 0.4, True)]
)
def test_one_sign_far_beyond_chance_needs_only_one_more(first: float, second: float, verdict: bool) -> None:
    rows = [
        {"sign": "users who exclude it", "node": 15, "chance_pct": first, "beyond": "yes"},
        {"sign": "repairs", "node": 10, "chance_pct": second, "beyond": "yes" if second < 1 else "no"},
        {"sign": "days out of service unplanned", "node": 6, "chance_pct": 4.0, "beyond": "no"},
    ]
    assert is_lemon(rows) is verdict


def cause(new: str) -> dict[str, Any]:
    cost = {"failed_jobs": 0, "lost_jobs": 0, "expected_failed_jobs": 0, "gpu_hours": 0}
    return {"cause": "Fan failure", "entity": "node n1", "since": AT, "new": new} | cost


def test_what_was_there_before_the_window_is_not_its_cause() -> None:
    assert causes_sentence([cause("no")]) == (
        "Nothing known began in this window; what was there already: fan failure on node n1 (since 2026-05-03 21:00 UTC)."
    )
    assert causes_sentence([cause("no"), cause("yes")]) == (
        "Most likely: fan failure on node n1, there already since 2026-05-03 21:00 UTC, without any job lost there; "
        "then fan failure on node n1."
    )
    assert causes_sentence([cause("yes")]) == "Most likely: fan failure on node n1, without any job lost there."
