"""Whether two series move together, at which lag, and whether they still do once a control group's movement is taken away.

Pure functions on numpy arrays. What is found is a correlation, never a cause; the caller must say so.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llo11ypop.analysis.counts import normal_tail

Series = NDArray[np.float64]

LEAST_PAIRS = 8
"""Fewer pairs say nothing about a correlation (our assumption)."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """How two series move together."""

    r: float
    """Rank correlation (Spearman), −1 to 1."""
    lag: int
    """Steps by which the first leads the second; negative where it follows."""
    p: float
    """Chance of such an r without any relation, corrected for autocorrelation and for the lags that were tried."""
    n: int
    """Pairs that it rests on."""


def ranks(values: Series) -> Series:
    """Ranks from 0, ties sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean = ends - (counts + 1) / 2
    return np.asarray(mean[inverse], dtype=np.float64)


def correlate(first: Series, second: Series) -> Correlation | None:
    """Rank correlation of simultaneous values; None with too few pairs or a constant series."""
    both = np.isfinite(first) & np.isfinite(second)
    x, y = first[both], second[both]
    if len(x) < LEAST_PAIRS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    a, b = ranks(x), ranks(y)
    r = float(np.corrcoef(a, b)[0, 1])
    return Correlation(r, 0, _chance(r, _effective(a, b)), len(x))


def lagged(first: Series, second: Series, max_lag: int) -> Correlation | None:
    """The strongest correlation over lags of −max_lag … max_lag steps; None where no lag has enough pairs."""
    found: list[Correlation] = []
    for lag in range(-max_lag, max_lag + 1):
        x, y = (first[: len(first) - lag], second[lag:]) if lag >= 0 else (first[-lag:], second[:lag])
        seen = correlate(x, y)
        if seen is not None:
            found.append(Correlation(seen.r, lag, seen.p, seen.n))
    best = max(found, key=lambda c: (abs(c.r), -abs(c.lag)), default=None)
    return None if best is None else Correlation(best.r, best.lag, min(1.0, best.p * len(found)), best.n)


def beyond_control(first: Series, second: Series, control: Series) -> Correlation | None:
    """The correlation left after both were freed of what they share with a control series (partial, on ranks)."""
    known = np.isfinite(first) & np.isfinite(second) & np.isfinite(control)
    if int(known.sum()) < LEAST_PAIRS or np.ptp(control[known]) == 0:
        return correlate(first, second)
    third = ranks(control[known])
    x, y = _without(ranks(first[known]), third), _without(ranks(second[known]), third)
    if np.allclose(x, 0) or np.allclose(y, 0):
        return None
    return correlate(x, y)


def _without(values: Series, other: Series) -> Series:
    centred = other - other.mean()
    slope = float(np.dot(centred, values) / np.dot(centred, centred))
    return np.asarray(values - values.mean() - slope * centred, dtype=np.float64)


def _effective(a: Series, b: Series) -> float:
    """Independent pairs that two autocorrelated series are worth (Bartlett 1935, first lag)."""
    rho = _next(a) * _next(b)
    return max(4.0, len(a) * (1 - rho) / (1 + rho)) if rho > 0 else float(len(a))


def _next(values: Series) -> float:
    if len(values) < LEAST_PAIRS or np.ptp(values[:-1]) == 0 or np.ptp(values[1:]) == 0:
        return 0.0
    return float(np.clip(np.corrcoef(values[:-1], values[1:])[0, 1], -0.99, 0.99))


def _chance(r: float, n: float) -> float:
    bounded = min(abs(r), 1 - 1e-12)
    return 2 * normal_tail(math.atanh(bounded) * math.sqrt(max(1.0, n - 3)))
