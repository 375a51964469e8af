"""Which things an answer showed, where they are few: what 'those nodes' stands for in the next question. Names, never rows."""

from llo11ypop.core.question import Result
from llo11ypop.language.intent import PLANNED
from llo11ypop.language.reading import Reading

FEW = 20
"""Things that a person can mean by 'those' (our choice)."""
_NAMED = ("node_id", "gpu_uuid", "port_id", "switch_id", "run_id", "cluster", "rack", "user", "account", "partition")


def shown_of(reading: Reading, result: Result | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(field, values in their order) of the groups or listed things; empty where there are many, or told over time."""
    scope = reading.scope
    if result is None or scope.intent not in PLANNED or scope.bucket or result.truncated:
        return ()
    wanted = scope.by if len(scope.by) == 1 else tuple(f for f in scope.fields if f in _NAMED)
    found = []
    for name in wanted:
        if name not in result.rows.column_names:
            continue
        values = list(dict.fromkeys(v for v in result.rows.column(name).to_pylist() if v is not None and v != ""))
        if 0 < len(values) <= FEW and all(isinstance(v, str) for v in values):
            found.append((name, tuple(values)))
    return tuple(found)
