"""Whether two stores say the same of a plan: row by row, estimates within a tolerance that is stated."""

import math
from dataclasses import dataclass

from llo11ypop.core.evidence import Evidence, EvidenceStatus

TOLERANCE = 0.05
"""Relative: what t-digest and HyperLogLog++ may be off by here (our assumption: Elasticsearch states no bound)."""
EXACT = 1e-6
"""Relative: four-byte floats summed in another order."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One plan on two stores."""

    verdict: str
    """equal, estimated (equal within TOLERANCE), refused, or different."""
    why: str = ""
    """The reason of a refusal, or the first difference."""


def compare(expected: Evidence, found: Evidence) -> Compared:
    """The second store's evidence against the first's."""
    if found.status is EvidenceStatus.UNREAD:
        return Compared("refused", found.note)
    if (expected.status, expected.truncated) != (found.status, found.truncated):
        why = f"{expected.status}, truncated {expected.truncated}; found {found.status}, truncated {found.truncated}"
        return Compared("different", why)
    if expected.hash == found.hash:
        return Compared("equal")
    tolerance = TOLERANCE if found.approximate else EXACT
    ours, theirs = expected.rows.to_pylist(), found.rows.to_pylist()
    if len(ours) != len(theirs):
        return Compared("different", f"{len(ours)} rows; found {len(theirs)}")
    for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        for name, value in one.items():
            if not _close(value, other[name], tolerance):
                return Compared("different", f"row {index}, {name}: {value!r}; found {other[name]!r}")
    return Compared("estimated" if found.approximate else "equal")


def _close(one: object, other: object, tolerance: float) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)) and not isinstance(one, bool):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance * 1e-3)
    return one == other
