"""Hand-made incidents, tickets and a small fleet for the scorer's tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.evals.matching import Matching, Period, match
from llo11ypop.evals.places import Places
from llo11ypop.evals.score import Scored
from llo11ypop.evals.ticket import Ticket
from llo11ypop.simulator.truth import Evidence, Truth

T0 = datetime(2026, 5, 2, tzinfo=UTC)
CADENCE = timedelta(minutes=15)
PERIOD = Period(T0, T0 + timedelta(days=5), CADENCE)

_EDGES = [
    *((f"gpu:G{n}{g}", f"node:n{n}") for n in range(8) for g in range(4)),
    *((f"port:n{n}/p0", f"node:n{n}") for n in range(8)),
    *((f"node:n{n}", f"rack:r{n // 4}") for n in range(8)),
    *((f"node:n{n}", "switch:s0") for n in range(8)),
    ("rack:r0", "row:w0"), ("rack:r1", "row:w0"), ("row:w0", "cluster:c"), ("switch:s0", "cluster:c"),
    ("cluster:c", "site:x"),
]  # fmt: skip
PLACES = Places(Topology.of([(Entity.parse(a), Entity.parse(b)) for a, b in _EDGES]))


def minutes(n: float) -> datetime:
    """An instant after the start of the period."""
    return T0 + timedelta(minutes=n)


def truth(name: str, mode: str, entity: str, start: float = 60, end: float = 180, **more: object) -> Truth:
    """An incident between two minutes of the period."""
    level, _, ident = entity.partition(":")
    evidence = Evidence("gpu_events", "code", "code = 79", minutes(start), minutes(end))
    base = Truth(
        incident_id=name, mode=mode, start_at=minutes(start), end_at=minutes(end),
        first_observable={"gpu_events": minutes(start)}, entity_level=level, entity_id=ident, entities={level: (ident,)},
        expected_ticket=True, queue="GPU-HW", severity_min="S2", expected_action="DRAIN", acceptable_actions=("DRAIN", "REBOOT"),
        forbidden_actions=("RMA",), acceptable_causes=(), dedupe_key=name, evidence=(evidence,), root_cause_text="made up",
    )  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


def ticket(name: str, cause: str, entity: str, at: float = 70, **more: object) -> Ticket:
    """A ticket filed at a minute of the period."""
    base = Ticket(name, cause, (Entity.parse(entity),), minutes(at), "GPU-HW", "DRAIN", title="t", why=("because",))
    return replace(base, **more)  # type: ignore[arg-type]


def matched(tickets: list[Ticket], truths: list[Truth], period: Period = PERIOD) -> Matching:
    """The matching on the small fleet."""
    return match(tickets, truths, PLACES, period)


def scored(tickets: list[Ticket], truths: list[Truth], period: Period = PERIOD) -> Scored:
    """The same, ready for figures."""
    return Scored(matched(tickets, truths, period), tickets, period, PLACES, gpu_days=1000.0, label="made up")
