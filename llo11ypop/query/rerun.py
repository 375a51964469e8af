"""Ask the same question again as of the same instant and say what is different now."""

from dataclasses import dataclass
from math import isclose
from typing import Any

import pyarrow as pa

from llo11ypop.core.evidence import Evidence
from llo11ypop.query.plan import Plan
from llo11ypop.query.rows import ordered
from llo11ypop.query.store import TelemetryStore

SHOWN = 10
"""Changes that are spelled out; the rest is counted."""


@dataclass(frozen=True)
class Rerun:
    """The outcome of running evidence again."""

    same: bool
    changes: tuple[str, ...]
    """What differs, one line each; empty when nothing does."""
    evidence: Evidence
    """The new result."""


async def rerun(evidence: Evidence, store: TelemetryStore) -> Rerun:
    """Run a piece of evidence again.

    Late rows, retention and repairs change results; equal rows in another order do not. Raises StoreError, and PlanError or
    UnknownNameError when the catalog has changed since.
    """
    again = await store.run(Plan.model_validate(evidence.plan), evidence.at)
    changes: list[str] = []
    if again.status is not evidence.status:
        changes.append(f"status was {evidence.status}, is {again.status}")
    if again.missing != evidence.missing:
        changes.append(f"not exported: was {_listed(evidence.missing)}, is {_listed(again.missing)}")
    if again.hash != evidence.hash:
        changes += _differences(evidence.rows, again.rows)
    return Rerun(not changes, tuple(changes), again)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"


def _differences(before: pa.Table, after: pa.Table) -> list[str]:
    if before.column_names != after.column_names:
        return [f"columns were {', '.join(before.column_names)}, are {', '.join(after.column_names)}"]
    keys = [f.name for f in after.schema if pa.types.is_string(f.type) or pa.types.is_timestamp(f.type)]
    order = tuple((name, False) for name in [*keys, *(n for n in after.column_names if n not in keys)])
    old, new = (_by_key(ordered(t, order).to_pylist(), keys) for t in (before, after))
    lines = [f"row {_named(key, keys)} is gone" for key in old if key not in new]
    lines += [f"row {_named(key, keys)} is new" for key in new if key not in old]
    for key in old.keys() & new.keys():
        for name, was in old[key].items():
            now = new[key][name]
            if not _equal(was, now):
                lines.append(f"{name} of {_named(key, keys)} was {was}, is {now}")
    lines = sorted(lines)
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"and {len(lines) - SHOWN} more"]


def _by_key(rows: list[dict[str, Any]], keys: list[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows by their key columns and, where those repeat, by number."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[k] for k in keys)
        number = 0
        while (*key, number) in found:
            number += 1
        found[(*key, number)] = row
    return found


def _named(key: tuple[Any, ...], keys: list[str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(keys, key, strict=False)) or f"number {key[-1] + 1}"


def _equal(was: Any, now: Any) -> bool:
    if isinstance(was, float) and isinstance(now, float):
        return isclose(was, now, rel_tol=1e-9, abs_tol=1e-12)
    return bool(was == now)
