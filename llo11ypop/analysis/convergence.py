"""Is a training run converging: trend of the loss, spikes of the gradient, steps that are not a number, a loss that runs away.

Pure functions on the minutes of a run in time order. NaN is a minute without a loss.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

LEAST_MINUTES = 30
"""Fewer minutes have no trend (our assumption)."""
SPIKE_RATIO = 8.0
"""Gradient norm over its median from which a minute is a spike; spikes of 10 to 4,000 times are reported (PaLM, ByteRobust)."""
AWAY_RATIO = 1.15
"""Loss of the last stretch over the best stretch from which it has run away (our assumption)."""
STRETCHES = 12
"""Parts into which the minutes are cut for the trend; medians, so that spikes do not count."""
NOISE_SHARE = 2.0
"""Standard errors that a fall must exceed."""


class Trend(StrEnum):
    """What the loss does."""

    FALLING = "falling"
    FLAT = "flat"
    DIVERGING = "diverging"
    NOT_A_NUMBER = "not a number"
    UNKNOWN = "too little telemetry"


@dataclass(frozen=True, slots=True)
class Convergence:
    """The verdict on a span of minutes."""

    trend: Trend
    first_loss: float
    """Median loss of the first stretch; NaN when unknown."""
    last_loss: float
    best_loss: float
    spikes: int
    """Separate spikes of the gradient norm."""
    first_spike: int | None
    """Index of the first one."""
    nan_minutes: int
    first_nan: int | None
    spike_before_nan: bool
    """Whether the gradient norm rose before the first minute that was not a number."""
    lr_at_spike: float
    """Learning rate at the first spike over its median; NaN when unknown. Above 1 while it warms up or was raised."""


def judge_convergence(loss: Series, grad_norm: Series, lr: Series, nan_count: Series) -> Convergence:
    """The verdict on minutes given as equally long arrays."""
    bad = np.flatnonzero(np.nan_to_num(nan_count) > 0)
    spikes = _spikes(grad_norm)
    first_spike = spikes[0] if spikes else None
    first_nan = int(bad[0]) if len(bad) else None
    stretches = _stretches(loss)
    before = first_nan is not None and first_spike is not None and first_spike <= first_nan
    return Convergence(
        trend=_trend(loss, stretches, nan_count),
        first_loss=stretches[0] if stretches else math.nan,
        last_loss=stretches[-1] if stretches else math.nan,
        best_loss=min(stretches, default=math.nan),
        spikes=len(spikes),
        first_spike=first_spike,
        nan_minutes=len(bad),
        first_nan=first_nan,
        spike_before_nan=before,
        lr_at_spike=_relative(lr, first_spike if first_spike is not None else first_nan),
    )


def _spikes(grad_norm: Series) -> list[int]:
    """First minutes of runs of minutes above the spike ratio."""
    known = grad_norm[np.isfinite(grad_norm)]
    if len(known) < LEAST_MINUTES:
        return []
    high = np.nan_to_num(grad_norm) > SPIKE_RATIO * float(np.median(known))
    starts = np.flatnonzero(high & ~np.concatenate(([False], high[:-1])))
    return [int(i) for i in starts]


def _stretches(loss: Series) -> list[float]:
    known = loss[np.isfinite(loss)]
    if len(known) < LEAST_MINUTES:
        return []
    return [float(np.median(part)) for part in np.array_split(known, STRETCHES)]


def _trend(loss: Series, stretches: list[float], nan_count: Series) -> Trend:
    if len(nan_count) and float(np.nan_to_num(nan_count[-1])) > 0:
        return Trend.NOT_A_NUMBER
    if not stretches:
        return Trend.UNKNOWN
    known = loss[np.isfinite(loss)]
    error = float(np.std(np.diff(known))) / math.sqrt(2) / math.sqrt(max(1, len(known) // STRETCHES)) * 1.25
    if stretches[-1] > AWAY_RATIO * min(stretches):
        return Trend.DIVERGING
    fall = stretches[0] - stretches[-1]
    return Trend.FALLING if fall > NOISE_SHARE * math.sqrt(2) * error else Trend.FLAT


def _relative(lr: Series, index: int | None) -> float:
    known = lr[np.isfinite(lr)]
    if index is None or not len(known) or not math.isfinite(lr[index]) or float(np.median(known)) == 0:
        return math.nan
    return float(lr[index] / np.median(known))
