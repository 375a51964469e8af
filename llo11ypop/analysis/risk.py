"""Which nodes are likely to fail again: smoothed recent counts beside the simple rules of thumb, judged walk-forward.

Pure functions of `node → days on which a fault began`. What is said about an instant uses only what lies at or before
it; what is judged at an instant is known only once its horizon has passed.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

HORIZON_DAYS = 30.0
"""A forecast is about another fault within this time."""
MEMORY_DAYS = 14.0
"""A fault's weight falls to 1/e in this time. Our prior, between the week in which 31 % refail (InfiniteHBD trace)
and the four weeks of a lemon score (Kokolis et al. 2024, RSC); not fitted."""
PRIOR_SHAPE = 0.9
"""Shape of the gamma over nodes' rates (negative binomial that fits the share of nodes without any fault)."""
OWN_WEIGHT = 0.5
"""How far the forecast follows a node's risk relative to the fleet's; half, because the signal is weak."""

Events = Mapping[str, Sequence[float]]
"""Node → days of its faults, ascending. Nodes without faults are listed with none."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A node pointed at on a day."""

    day: float
    node: str


@dataclass(frozen=True, slots=True)
class Risk:
    """One line of the ranking."""

    node: str
    probability: float
    """Of another fault within the horizon."""
    rate: float
    """Smoothed faults per day."""
    last_30: int
    last_60: int
    total: int


def count_in(days: Sequence[float], day: float, span: float) -> int:
    """Faults in `(day − span, day]`."""
    return bisect_right(days, day) - bisect_right(days, day - span)


def fails_within(days: Sequence[float], day: float, horizon: float = HORIZON_DAYS) -> bool:
    """Whether another fault begins in `(day, day + horizon]`."""
    return bisect_right(days, day) < bisect_right(days, day + horizon)


def rule_flags(events: Events, faults: int, span: float) -> list[Flag]:
    """Naive rule: a node is flagged when it first has `faults` in `span` days, and again after the rule lapsed."""
    flags = []
    for node, days in events.items():
        holds_until = -math.inf
        for number, day in enumerate(days):
            if count_in(days, day, span) >= faults:
                if day >= holds_until:
                    flags.append(Flag(day, node))
                holds_until = days[number + 1 - faults] + span
    return sorted(flags, key=lambda f: (f.day, f.node))


def fleet_rate(events: Events, day: float) -> float:
    """Faults per node and day so far; one fault is assumed where there was none yet."""
    seen = sum(bisect_right(days, day) for days in events.values())
    return max(1, seen) / (max(1, len(events)) * max(1.0, day))


def smoothed_rate(days: Sequence[float], day: float, prior_rate: float) -> float:
    """Gamma-Poisson mean rate with exponential forgetting: faults per day."""
    weight = sum(math.exp((d - day) / MEMORY_DAYS) for d in days[: bisect_right(days, day)])
    exposure = MEMORY_DAYS * -math.expm1(-day / MEMORY_DAYS)
    return (PRIOR_SHAPE + weight) / (PRIOR_SHAPE / prior_rate + exposure)


def node_probability(days: Sequence[float], day: float, prior_rate: float) -> float:
    """Chance of a fault within the horizon if the node kept its smoothed rate (negative binomial)."""
    weight = sum(math.exp((d - day) / MEMORY_DAYS) for d in days[: bisect_right(days, day)])
    exposure = MEMORY_DAYS * -math.expm1(-day / MEMORY_DAYS)
    rate = PRIOR_SHAPE / prior_rate + exposure
    return 1.0 - math.pow(1.0 + HORIZON_DAYS / rate, -(PRIOR_SHAPE + weight))


def rank(events: Events, day: float) -> list[Risk]:
    """All nodes, the most at risk first, as of a day."""
    prior = fleet_rate(events, day)
    chance = forecast(events, day)
    out = [
        Risk(
            node=node,
            probability=chance[node],
            rate=smoothed_rate(days, day, prior),
            last_30=count_in(days, day, 30),
            last_60=count_in(days, day, 60),
            total=bisect_right(days, day),
        )
        for node, days in events.items()
    ]
    return sorted(out, key=lambda r: (-r.rate, -r.total, r.node))


def forecast(events: Events, day: float) -> dict[str, float]:
    """Chance of a fault within the horizon, by node. Over all nodes it averages to the base rate: only who, never how many."""
    base, prior = base_rate(events, day), fleet_rate(events, day)
    own = {node: node_probability(days, day, prior) for node, days in events.items()}
    mean = sum(own.values()) / max(1, len(own))
    return {node: min(1.0, shrunk(base, p / mean if mean else 1.0)) for node, p in own.items()}


def shrunk(base: float, relative: float) -> float:
    """The base rate times a node's relative risk, drawn towards one."""
    return base * (1 + OWN_WEIGHT * (relative - 1))


def ranked_flags(events: Events, budget: Sequence[Flag]) -> list[Flag]:
    """Ours at the rule's number of tickets: each time the rule flags, the node at highest risk that is not flagged already.

    A flag stands for one horizon. Ties go to the name, so that the order of nodes does not matter.
    """
    flagged: dict[str, float] = {}
    out = []
    for moment in budget:
        prior = fleet_rate(events, moment.day)
        free = [n for n in events if flagged.get(n, -math.inf) <= moment.day]
        if free:
            best = max(free, key=lambda n: (smoothed_rate(events[n], moment.day, prior), n))
            out.append(Flag(moment.day, best))
            flagged[best] = moment.day + HORIZON_DAYS
    return out


def precision(flags: Sequence[Flag], events: Events, end_day: float, from_day: float = 0.0) -> tuple[int, float | None]:
    """(flags judged, share followed by another fault). Flags whose horizon outlives the trace are left out."""
    judged = [f for f in flags if f.day >= from_day and f.day + HORIZON_DAYS <= end_day]
    hits = sum(fails_within(events[f.node], f.day) for f in judged)
    return len(judged), round(hits / len(judged), 4) if judged else None


def beyond_chance(ours: tuple[int, float | None], rule: tuple[int, float | None]) -> bool:
    """Whether the first of two (tickets, precision) is better by more than two standard errors; never with few tickets."""
    (n, p), (m, q) = ours, rule
    if p is None or q is None or not n or not m:
        return False
    pooled = (n * p + m * q) / (n + m)
    return p - q > 2 * math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))


def judged_days(end_day: float, from_day: float = 0.0, step: float = 7.0) -> list[float]:
    """Days on which forecasts are judged: weekly, from the first that has a past outcome, to the last with a future one."""
    first = HORIZON_DAYS + step
    days = [step * n for n in range(1, int(end_day / step) + 1)]
    return [d for d in days if d >= max(first, from_day) and d + HORIZON_DAYS <= end_day]


def base_rate(events: Events, day: float, step: float = 7.0) -> float:
    """Share of (node, week) pairs followed by a fault within the horizon, over weeks whose outcome is known by `day`."""
    weeks = [step * n for n in range(1, int(max(0.0, day - HORIZON_DAYS) / step) + 1)]
    pairs = len(weeks) * len(events)
    if not pairs:
        return -math.expm1(-fleet_rate(events, day) * HORIZON_DAYS)
    return sum(fails_within(days, week) for days in events.values() for week in weeks) / pairs


def brier(probabilities: Sequence[float], outcomes: Sequence[bool]) -> float | None:
    """Mean squared error of forecasts; None without any."""
    if not probabilities:
        return None
    return sum((p - o) ** 2 for p, o in zip(probabilities, outcomes, strict=True)) / len(probabilities)


def brier_scores(events: Events, end_day: float, from_day: float = 0.0) -> tuple[float | None, float | None]:
    """(ours, base rate) over all nodes on the judged days."""
    ours: list[float] = []
    flat: list[float] = []
    came: list[bool] = []
    for day in judged_days(end_day, from_day):
        chance, base = forecast(events, day), base_rate(events, day)
        for node, days in events.items():
            ours.append(chance[node])
            flat.append(base)
            came.append(fails_within(days, day))
    return _rounded(brier(ours, came)), _rounded(brier(flat, came))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def with_all_nodes(events: Mapping[str, Sequence[float]], size: int) -> dict[str, list[float]]:
    """The nodes that failed, sorted, with as many that never did as the fleet has."""
    out = {node: sorted(events[node]) for node in sorted(events)}
    return out | {f"never-failed-{n:04d}": [] for n in range(max(0, size - len(out)))}


NAIVE: Mapping[str, tuple[int, float]] = {"two_in_30": (2, 30.0), "three_in_60": (3, 60.0)}
"""Rules of thumb: this many faults in this many days."""


def offenders(events: Events, end_day: float, from_day: float = 0.0) -> dict[str, object]:
    """The `offenders` part of `replay --json`: rules, ours at their number of tickets, Brier scores."""
    out: dict[str, object] = {}
    flags: Callable[[str], list[Flag]] = lambda name: rule_flags(events, *NAIVE[name])  # noqa: E731
    for name in NAIVE:
        tickets, share = precision(flags(name), events, end_day, from_day)
        out[name] = {"tickets": tickets, "precision": share}
        ours, ours_share = precision(ranked_flags(events, flags(name)), events, end_day, from_day)
        out[f"ours_at_{name}"] = ours_share
        out[f"ours_tickets_at_{name}"] = ours
    out["brier"], out["brier_base"] = brier_scores(events, end_day, from_day)
    return out
