"""Compare a run with an earlier one, case by case: what was repaired, what broke, and whether that is more than chance.

A suite of 300 cases at 90 % wobbles by 3.4 points between runs on different cases; on the same cases only those that changed
count, and McNemar's exact test says how likely such a lopsided change is by chance.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any

from llo11ypop.core.errors import ConfigError
from llo11ypop.evals.suite.record import Record, record_from_json

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run against an earlier one, over the cases and fleets that both judged."""

    both: int
    repaired: tuple[str, ...]
    broken: tuple[str, ...]
    p_value: float
    """How often chance alone would split the changed cases at least this unevenly; 1 when nothing changed."""

    @property
    def worse(self) -> bool:
        """Whether more broke than was repaired, beyond chance."""
        return len(self.broken) > len(self.repaired) and self.p_value < SIGNIFICANT

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "both": self.both, "repaired": list(self.repaired), "broken": list(self.broken), "p_value": self.p_value,
            "worse": self.worse,
        }  # fmt: skip


def mcnemar(broken: int, repaired: int) -> float:
    """Two-sided exact p-value of McNemar's test: a fair coin for each case that changed (McNemar 1947, binomial form)."""
    changed = broken + repaired
    if not changed:
        return 1.0
    tail = sum(comb(changed, k) for k in range(min(broken, repaired) + 1))
    return float(min(1.0, 2 * tail / 2**changed))


def compare(now: Sequence[Record], before: Sequence[Record]) -> Comparison:
    """Pair the records of two runs by case and fleet."""
    earlier = {(r.id, r.fleet): r for r in before if r.judged}
    pairs = [(r, earlier[r.id, r.fleet]) for r in now if r.judged and (r.id, r.fleet) in earlier]
    broken = tuple(f"{r.id} ({r.fleet})" for r, was in pairs if was.passed and not r.passed)
    repaired = tuple(f"{r.id} ({r.fleet})" for r, was in pairs if r.passed and not was.passed)
    return Comparison(len(pairs), repaired, broken, round(mcnemar(len(broken), len(repaired)), 6))


def read_records(path: Path) -> list[Record]:
    """The records of an earlier `eval --json`. Raises ConfigError for another file."""
    try:
        return [record_from_json(r) for r in json.loads(path.read_text(encoding="utf-8"))["records"]]
    except OSError as bad:
        raise ConfigError(f"cannot read {path}: {bad.strerror}") from bad
    except (ValueError, KeyError, TypeError) as bad:
        raise ConfigError(f"{path} is no earlier run", next_step="give a file that 'llo11ypop eval --json' wrote") from bad
