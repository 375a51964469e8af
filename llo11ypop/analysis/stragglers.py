"""Which rank slows a run down, and whether that looks like hardware or like unequal work.

A bad worker is one rank that is slowest all the time; unequal pipeline stages are one stage on many ranks; unequal sequence
lengths move the slowest rank about while step time follows the length. Constant imbalance causes most straggling and bad
workers 1.7 % ("Understanding stragglers in large model training", OSDI 2025). Pure functions on the minutes of a run.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from llo11ypop.analysis.correlation import correlate

Series = NDArray[np.float64]

SLOW_RATIO = 1.08
"""Slowest over fastest rank from which a run straggles; below lies scatter (1.1 in the OSDI 2025 study, less a margin)."""
SAME_RANK = 0.6
"""Share of minutes in which one rank must be the slowest (our assumption)."""
SAME_STAGE = 0.8
"""The same for one pipeline stage."""
LENGTH_R = 0.6
"""Correlation of step time with sequence length from which length explains the scatter (our assumption)."""
LEAST_MINUTES = 8
"""Fewer minutes name nobody (our assumption)."""
MANY_RANKS = 4
"""From so many different slowest ranks on, a stage is to blame rather than one of them (our assumption)."""


class Straggling(StrEnum):
    """What kind of straggling a run shows."""

    NONE = "none"
    WORKER = "worker"
    STAGE = "stage imbalance"
    LENGTH = "sequence-length imbalance"
    UNCLEAR = "unclear"
    UNKNOWN = "too little telemetry"


@dataclass(frozen=True, slots=True)
class Straggler:
    """The verdict on a span of minutes."""

    kind: Straggling
    spread: float
    """Mean own time of the slowest rank over that of the fastest; NaN when unknown."""
    rank: int | None
    """The rank that was slowest most often."""
    rank_share: float
    """Share of minutes in which it was."""
    stage: int | None
    stage_share: float
    ranks_seen: int
    """Different ranks that were slowest in some minute."""
    length_r: float
    """Rank correlation of step time with mean sequence length; 0 when unknown."""


def judge_stragglers(
    slowest: Series,
    fastest: Series,
    ranks: Series,
    stages: Series,
    step_time: Series,
    length: Series,
    *,
    pipelined: bool = True,
) -> Straggler:
    """The verdict on minutes given as equally long arrays; NaN is a missing sample.

    `pipelined` is false for a run with one stage: that stage being slowest says nothing.
    """
    known = np.isfinite(slowest) & np.isfinite(fastest) & (fastest > 0)
    if int(known.sum()) < LEAST_MINUTES:
        return Straggler(Straggling.UNKNOWN, float("nan"), None, 0.0, None, 0.0, 0, 0.0)
    spread = float(np.mean(slowest[known]) / np.mean(fastest[known]))
    rank, rank_share, seen = _mode(ranks[known])
    stage, stage_share, stages_seen = _mode(stages[known])
    related = correlate(step_time[known], length[known])
    r = related.r if related else 0.0
    kind = _kind(spread, rank_share, stage_share if stages_seen and pipelined else 0.0, seen, r)
    return Straggler(kind, spread, rank, rank_share, stage, stage_share, seen, r)


def _kind(spread: float, rank_share: float, stage_share: float, ranks_seen: int, length_r: float) -> Straggling:
    if spread < SLOW_RATIO:
        return Straggling.NONE
    if rank_share >= SAME_RANK:
        return Straggling.WORKER
    if stage_share >= SAME_STAGE and ranks_seen >= MANY_RANKS:
        return Straggling.STAGE
    if length_r >= LENGTH_R:
        return Straggling.LENGTH
    return Straggling.UNCLEAR


def _mode(values: Series) -> tuple[int | None, float, int]:
    """(most frequent value, its share, how many different ones)."""
    known = values[np.isfinite(values)].astype(np.int64)
    if not len(known):
        return None, 0.0, 0
    found, counts = np.unique(known, return_counts=True)
    return int(found[np.argmax(counts)]), float(counts.max() / len(known)), len(found)
