"""Feedback as JSON lines: the records as they are, without what people typed unless it is asked for."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def lines(records: Iterable[Mapping[str, Any]], *, comments: bool = False) -> Iterator[str]:
    """One JSON document per record, in order of writing. Raters are pseudonyms already."""
    for record in records:
        kept = dict(record) if comments else {**record, "verdict": {**record["verdict"], "comment": ""}}
        yield json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
