"""What slice moved a total: contribution and surprise over dimensions, and rate against volume.

Ranking of dimensions after Bhagwan et al. 2014 (Adtributor, NSDI): a dimension explains a change well when few of its values
carry most of it (explanatory power) and their share of the total became very different from before (surprise). The rate
decomposition is Kitagawa's (1955). Pure functions; counts in, ranked slices out. Correlation in time only: not a proof of cause.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from llo11ypop.analysis.counts import change_z

ENOUGH_POWER = 0.67
"""Share of the change that the named values of a dimension must carry together (Adtributor uses 67 %)."""
ENOUGH_SHARE = 0.1
"""Least share of the change for a single value to be named (Adtributor's T_EEP is 10 %)."""
LEAST_LIFT = 0.15
"""How much larger the named values' share of the change must be than their share of the total was (our assumption)."""
MOST_NAMED = 4
"""Values of a dimension that are still a short list (our assumption)."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One value of one dimension."""

    dimension: str
    value: str
    now: float
    before: float
    """Already scaled to the length of the window of `now`."""
    power: float
    """Its share of the change of the total; negative where it moved the other way."""
    surprise: float
    """Jensen-Shannon term of its share of the total, before against now; 0 when the share did not change."""
    z: float
    """Its own change in standard errors of a count."""

    @property
    def delta(self) -> float:
        """Now minus before."""
        return self.now - self.before


@dataclass(frozen=True, slots=True)
class Dimension:
    """What one dimension says about a change."""

    name: str
    slices: tuple[Slice, ...]
    """The values that carry the change, largest first; empty when it is spread over all of them."""
    surprise: float
    values: int
    """How many values it has."""

    @property
    def power(self) -> float:
        """Share of the change that the named values carry."""
        return sum(s.power for s in self.slices)


@dataclass(frozen=True, slots=True)
class RateShift:
    """A change of a ratio's numerator, split."""

    value: str
    rate_effect: float
    """From each unit of volume failing more often."""
    volume_effect: float
    """From there being more volume."""


def slices_of(
    dimension: str, now: Mapping[str, float], before: Mapping[str, float], *, scale: float = 1.0, spread: float = 1.0
) -> list[Slice]:
    """Every value of a dimension with its part in the change, largest part first.

    `scale` is the length of the window of `now` over that of `before`; `spread` the overdispersion of the counts.
    """
    values = sorted({*now, *before})
    total_now, total_before = sum(now.values()), sum(before.values()) * scale
    delta = total_now - total_before
    out = []
    for value in values:
        n, b = now.get(value, 0.0), before.get(value, 0.0)
        power = (n - b * scale) / delta if delta else 0.0
        surprise = _surprise(n / total_now if total_now else 0.0, b * scale / total_before if total_before else 0.0)
        z = change_z(n, b, scale) / math.sqrt(spread)
        out.append(Slice(dimension, value, n, b * scale, power, surprise, z))
    return sorted(out, key=lambda s: (-s.power, s.value))


def explain(slices: list[Slice]) -> Dimension:
    """The shortest list of values that carries the change; none when it takes too many or when they all moved alike.

    The values of a dimension that all grew in proportion explain nothing, however large they are.
    """
    name = slices[0].dimension if slices else ""
    named: list[Slice] = []
    for part in sorted((s for s in slices if s.power >= ENOUGH_SHARE), key=lambda s: -s.power):
        named.append(part)
        if sum(s.power for s in named) >= ENOUGH_POWER:
            break
    carried = sum(s.power for s in named)
    short = len(named) <= MOST_NAMED and (len(named) < len(slices) or len(slices) == 1)
    past = sum(s.before for s in slices)
    usual = sum(s.before for s in named) / past if past else 0.0
    kept = tuple(named) if short and carried >= ENOUGH_POWER and carried - usual >= LEAST_LIFT else ()
    return Dimension(name, kept, sum(s.surprise for s in kept), len(slices))


def rank_dimensions(dimensions: list[Dimension]) -> list[Dimension]:
    """Dimensions that explain the change, the most surprising first, shorter lists before longer ones at a tie."""
    speaking = [d for d in dimensions if d.slices and d.values > 1]
    return sorted(speaking, key=lambda d: (-d.surprise, len(d.slices), d.name))


def rate_or_volume(
    now: Mapping[str, tuple[float, float]], before: Mapping[str, tuple[float, float]], scale: float
) -> list[RateShift]:
    """Split the change of each value's events into rate and volume; the two add up to the change. Largest first.

    Mappings give (events, volume). A value without volume before has no rate of its own then: all of its change is volume.
    """
    out = []
    for value in sorted({*now, *before}):
        events, volume = now.get(value, (0.0, 0.0))
        past_events, past_volume = (x * scale for x in before.get(value, (0.0, 0.0)))
        rate = events / volume if volume else (past_events / past_volume if past_volume else 0.0)
        past_rate = past_events / past_volume if past_volume else rate
        rate_effect = (rate - past_rate) * (volume + past_volume) / 2
        volume_effect = (volume - past_volume) * (rate + past_rate) / 2
        out.append(RateShift(value, rate_effect, volume_effect))
    return sorted(out, key=lambda r: -abs(r.rate_effect + r.volume_effect))


def _surprise(p: float, q: float) -> float:
    middle = p + q
    one = p * math.log(2 * p / middle) if p > 0 else 0.0
    other = q * math.log(2 * q / middle) if q > 0 else 0.0
    return max(0.0, 0.5 * (one + other))
