"""Where a series changed its level: optimal segmentation with a penalty, and the one change that matters most.

Pure functions on numpy arrays. NaN is a missing sample: it is left out, and indexes refer to the series that was given.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

PENALTY = 3.0
"""Times log(n) noise variances that a further segment must earn (BIC asks for 2; one more against autocorrelated telemetry,
our assumption)."""
MAX_POINTS = 1500
"""Longer series are averaged down first: the search is quadratic."""
MAD_TO_SD = 1.4826
"""Standard deviation of a normal per median absolute deviation."""


@dataclass(frozen=True, slots=True)
class Change:
    """A level shift."""

    index: int
    """First sample of the new level."""
    before: float
    after: float
    """Mean levels of the segments on either side."""
    z: float
    """Shift over its standard error."""

    @property
    def shift(self) -> float:
        """After minus before."""
        return self.after - self.before


def noise_sd(values: Series) -> float:
    """Standard deviation of the noise from successive differences, so that level shifts do not count; 0 for a flat series."""
    if len(values) < 2:  # noqa: PLR2004 - a difference takes two
        return 0.0
    steps = np.diff(values)
    robust = MAD_TO_SD * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)
    return robust if robust > 0 else float(np.std(steps)) / math.sqrt(2)


def changes(values: Series, *, min_size: int = 3, penalty: float = PENALTY) -> list[Change]:
    """Every level shift in time order; empty for a series that is steady, too short or all missing."""
    known = np.flatnonzero(np.isfinite(values))
    series, step = _thinned(values[known])
    cuts = _segment(series, max(1, min_size // step), penalty)
    bounds = [0, *cuts, len(series)]
    sd = noise_sd(series)
    found = []
    for left, cut, right in zip(bounds, bounds[1:], bounds[2:], strict=False):
        before, after = float(np.mean(series[left:cut])), float(np.mean(series[cut:right]))
        error = sd * math.sqrt(1 / (cut - left) + 1 / (right - cut))
        z = abs(after - before) / error if error else math.inf
        found.append(Change(int(known[min(cut * step, len(known) - 1)]), before, after, z))
    return found


def strongest(found: list[Change], *, rising: bool | None = None) -> Change | None:
    """The change with the largest shift, of one direction where asked; None when there is none."""
    fitting = [c for c in found if rising is None or (c.shift > 0) == rising]
    return max(fitting, key=lambda c: abs(c.shift), default=None)


def _thinned(values: Series) -> tuple[Series, int]:
    step = math.ceil(len(values) / MAX_POINTS) or 1
    if step == 1:
        return values.astype(np.float64), 1
    whole = values[: len(values) // step * step].astype(np.float64)
    return whole.reshape(-1, step).mean(axis=1), step


def _segment(values: Series, min_size: int, penalty: float) -> list[int]:
    """Optimal partition under squared error plus a penalty per segment (Jackson et al. 2005)."""
    n = len(values)
    variance = noise_sd(values) ** 2
    if n < 2 * min_size or variance <= 0:
        return _exact_steps(values, min_size)
    beta = penalty * math.log(n) * variance
    total, squares = np.concatenate(([0.0], np.cumsum(values))), np.concatenate(([0.0], np.cumsum(values**2)))
    best = np.full(n + 1, np.inf)
    best[0] = -beta
    came = np.zeros(n + 1, dtype=np.int64)
    for end in range(min_size, n + 1):
        starts = np.arange(0, end - min_size + 1)
        length = end - starts
        cost = squares[end] - squares[starts] - (total[end] - total[starts]) ** 2 / length
        score = best[starts] + cost + beta
        came[end] = int(np.argmin(score))
        best[end] = score[came[end]]
    cuts: list[int] = []
    at = int(came[n])
    while at > 0:
        cuts.append(at)
        at = int(came[at])
    return cuts[::-1]


def _exact_steps(values: Series, min_size: int) -> list[int]:
    """Cuts of a series without any noise: wherever it steps, if both sides are long enough."""
    if len(values) < 2 * min_size:
        return []
    cuts = [int(i) + 1 for i in np.flatnonzero(np.diff(values))]
    kept: list[int] = []
    for cut in cuts:
        if cut - (kept[-1] if kept else 0) >= min_size and len(values) - cut >= min_size:
            kept.append(cut)
    return kept
