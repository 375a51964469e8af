"""Did something that was done help: before against after, against comparable things to which nothing was done.

Difference-in-differences on units (racks, nodes, clusters): each unit contributes its own change, so a unit that was always warm
does no harm. Changes may first be freed of covariates such as load or outside temperature. Pure functions.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

FEWEST = 2
"""Units on a side below which there is no spread to judge by."""
T95 = (0.0, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Two-sided 95 % quantiles of Student's t for 0 to 10 degrees of freedom."""
Z95 = 1.96


@dataclass(frozen=True, slots=True)
class Effect:
    """What changed among the treated beyond what changed among the others."""

    treated: float
    """Mean change of the treated units."""
    control: float
    """Mean change of the control units; 0 without any."""
    value: float
    """Treated minus control."""
    low: float
    high: float
    """95 % interval; infinite where there are too few units to tell."""
    treated_units: int
    control_units: int

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def difference_in_differences(treated: Values, control: Values, *, noise: float = 0.0) -> Effect | None:
    """Effect from each unit's change (after − before); None without treated units that were measured in both periods.

    `noise` is the standard error of one unit's change where it is known from within the periods: it stands in for the spread
    between units when there are too few of them, and is never undercut.
    """
    t, c = treated[np.isfinite(treated)], control[np.isfinite(control)]
    if not len(t):
        return None
    mean_t, mean_c = float(t.mean()), float(c.mean()) if len(c) else 0.0
    value = mean_t - mean_c
    error, freedom = _error(t, c, noise)
    reach = error * _quantile(freedom) if math.isfinite(error) else math.inf
    return Effect(mean_t, mean_c, value, value - reach, value + reach, len(t), len(c))


def _error(t: Values, c: Values, noise: float) -> tuple[float, int]:
    """Standard error of the difference of means, with degrees of freedom."""
    groups = [g for g in (t, c) if len(g)]
    spread = [g for g in groups if len(g) >= FEWEST]
    if not spread:
        return (noise * math.sqrt(sum(1 / len(g) for g in groups)), 30) if noise > 0 else (math.inf, 0)
    freedom = sum(len(g) - 1 for g in spread)
    pooled = sum(float(((g - g.mean()) ** 2).sum()) for g in spread) / freedom
    variance = max(pooled, noise**2)
    return math.sqrt(variance * sum(1 / len(g) for g in groups)), freedom


def _quantile(freedom: int) -> float:
    return T95[freedom] if freedom < len(T95) else Z95 + 2.5 / freedom


def freed_of(values: Values, covariates: Values) -> Values:
    """Values without what a linear fit on covariates (one column each) explains, about their means; NaN rows stay NaN.

    Returned as it is when there are not at least three more rows than covariates.
    """
    known = np.isfinite(values) & np.isfinite(covariates).all(axis=1)
    if int(known.sum()) < covariates.shape[1] + 3:
        return values
    x = covariates[known] - covariates[known].mean(axis=0)
    y = values[known]
    slopes, *_ = np.linalg.lstsq(x, y - y.mean(), rcond=None)
    out = values.copy()
    out[known] = y - x @ slopes
    return out
