"""Many selects, few scans: selects over the same dataset, group keys and window class share one pass over the rows.

Each partner keeps its own filter, window, measures and having; only the reading is shared. Engine-neutral.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from llo11ypop.query.plan import Bucket, Select, Span

CLASSES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24), timedelta(days=7))
"""Windows that start within the same class are read together; a week is not read for the sake of five minutes."""

SMALL = -2
"""Class of the windows that hold few rows."""


@dataclass(frozen=True)
class Scan:
    """One pass over a dataset for one or more selects."""

    dataset: str
    by: tuple[str, ...]
    bucket: Bucket | None
    window: Span | None
    """The hull of the partners' windows."""
    selects: Mapping[str, Select]
    """Any key → select; either one with raw fields, or any number of aggregating ones."""


def fuse(selects: Mapping[str, Select], small: Callable[[Select], bool] = lambda _: False) -> list[Scan]:
    """Group selects into scans. Every select is in exactly one scan.

    Selects that read only a `small` number of rows are read together whatever their windows.
    """
    groups: dict[tuple[object, ...], dict[str, Select]] = {}
    for key, select in selects.items():
        alone = (key,) if select.fields else ()
        by = tuple(sorted(select.by))
        every = (select.bucket.every if select.bucket else None,)
        reach = SMALL if select.window is not None and small(select) else window_class(select.window)
        groups.setdefault((select.dataset, by, every, reach, alone), {})[key] = select
    return [_scan(group) for group in groups.values()]


def window_class(window: Span | None) -> int:
    """Which windows are read together; -1 for no window."""
    if window is None:
        return -1
    return sum(window.start > limit for limit in CLASSES)


def _scan(selects: dict[str, Select]) -> Scan:
    first = next(iter(selects.values()))
    windows = [s.window for s in selects.values() if s.window is not None]
    hull = Span(start=max(w.start for w in windows), end=min(w.end for w in windows)) if windows else None
    return Scan(first.dataset, tuple(sorted(set(first.by))), first.bucket, hull, selects)
