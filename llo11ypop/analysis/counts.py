"""Counts and rates with the chance they may carry: Poisson tails, rate ratios with intervals, shrunk rates.

Pure functions on numbers. Everything that is said about a count of rare faults goes through here, so that three against one is
never called a trend.
"""

import math
from dataclasses import dataclass

Z95 = 1.959964
"""Normal quantile of a two-sided 95 % interval."""
HALF = 0.5
"""Continuity correction for zero counts (Haldane 1956)."""
EXACT_BELOW = 500.0
"""Up to this mean the Poisson tail is summed; above it the normal approximation is as good."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A rate ratio, exposed over control, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval leaves out 1."""
        return self.low > 1 or self.high < 1


def poisson_tail(count: float, mean: float) -> float:
    """Chance of `count` or more events where `mean` are expected; 1 for a count of zero."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if mean > EXACT_BELOW:
        return normal_tail((count - HALF - mean) / math.sqrt(mean))
    term = below = math.exp(-mean)
    for k in range(1, math.ceil(count)):
        term *= mean / k
        below += term
    return max(0.0, 1.0 - below)


def normal_tail(z: float) -> float:
    """Chance of a standard normal above z."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def binomial_tail(hits: int, trials: int, chance: float) -> float:
    """Chance of `hits` or more of `trials` at a chance each."""
    if hits <= 0:
        return 1.0
    if not 0 < chance < 1:
        return float(chance >= 1)
    logs = (
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        + k * math.log(chance) + (trials - k) * math.log1p(-chance)
        for k in range(hits, trials + 1)
    )  # fmt: skip
    return min(1.0, sum(math.exp(value) for value in logs))


def change_z(now: float, before: float, scale: float = 1.0) -> float:
    """How many standard errors `now` lies above `before` events seen in a span `1/scale` as long; 0 without any event.

    Both are Poisson counts: the difference of square roots has a variance that does not depend on the level (Anscombe 1948).
    """
    if now <= 0 and before <= 0:
        return 0.0
    steady = 3 / 8
    root = math.sqrt(now + steady) - math.sqrt(scale * (before + steady))
    return 2 * root / math.sqrt(1 + scale)


def rate_ratio(exposed: float, exposed_time: float, control: float, control_time: float) -> Ratio | None:
    """Events per time among the exposed over the same among the others; None without any exposure time on one side.

    Log-normal interval with half an event added to zero counts: wide where events are few, as it must be.
    """
    if exposed_time <= 0 or control_time <= 0:
        return None
    add = HALF if exposed == 0 or control == 0 else 0.0
    a, b = exposed + add, control + add
    value = (a / exposed_time) / (b / control_time)
    spread = math.exp(Z95 * math.sqrt(1 / a + 1 / b))
    return Ratio(value, value / spread, value * spread)


def overdispersion(counts: list[float]) -> float:
    """Variance over mean of counts of equal units; at least 1, and 1 with fewer than two units or no events.

    Faults come in bursts and at the same nodes again (InfiniteHBD trace: weekly variance over mean 5.7), so a plain Poisson
    interval is too narrow; multiply standard errors by the root of this.
    """
    n = len(counts)
    mean = sum(counts) / n if n else 0.0
    if n <= 1 or mean <= 0:
        return 1.0
    return max(1.0, sum((c - mean) ** 2 for c in counts) / (n - 1) / mean)
