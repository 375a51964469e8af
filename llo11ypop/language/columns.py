"""A list of columns at the end of a question: 'tickets since Monday: id, assignee and summary', 'fans … (node and sensor)'."""

import re

from llo11ypop.catalog import Catalog, Kind
from llo11ypop.language.draft import Draft
from llo11ypop.language.index import PhraseIndex
from llo11ypop.language.reach import reachable
from llo11ypop.language.words import Token, lemma

_ASKED = r"(?:(?:by|on|in|at|for)\s+)?(?:which|what|whose)\s+|the\s+|their\s+|its\s+"
_ITEM = rf"(?:{_ASKED})?[a-z][\w-]*(?:\s+[a-z][\w-]*){{0,2}}?"
_JOINT = r"\s*(?:,\s*(?:and\s+)?|\s+and\s+|\s+&\s+|\s*\+\s*|\s*/\s*)\s*"
_TAIL = re.compile(
    rf"(?P<open>[,:;?.]\s+(?:with\s+)?|\(\s*|\bwith\s+|\bshow(?:ing)?\s+|\bincluding\s+)(?P<list>{_ITEM}(?:{_JOINT}{_ITEM})+)\s*\)?\s*[.?!]*\s*$"
)
_SPLIT = re.compile(_JOINT)
_SAID = frozenset({"value", "count", "number", "what changed", "how many", "how long", "how much", "what", "how often"})
"""Columns that every answer has."""
_WHEN = frozenset({"time", "when", "timestamp", "date"})
"""Columns that ask for the time of what is told."""
_WHO = ("actor", "user", "assignee", "technician_id")
"""Whom 'who' asks for, where a dataset has one."""
_CALLED = {
    "object": "what",
    "id": "",
    "text": "message",
    "line": "message",
    "time": "",
    "when": "",
    "timestamp": "",
    "title": "summary",
    "date": "",
    "who": "who",
    "duration": "duration_s",
    "psu": "sensor_id",
    "supply": "sensor_id",
    "fan": "sensor_id",
}


def tail(text: str, words: list[Token], index: PhraseIndex, catalog: Catalog) -> tuple[tuple[int, int], tuple[str, ...]] | None:
    """(characters, column phrases) of the list that ends a question; none where it ends otherwise."""
    for start in (m.start() for m in re.finditer(r"[,:;?(.]|\b(?:with|show|showing|including)\b", text)):
        found = _TAIL.match(text, start)
        if found is None:
            continue
        parts = (n.strip() for n in _SPLIT.split(found["list"]))
        named = tuple(n if n in _SAID else re.sub(rf"^(?:{_ASKED})", "", n).strip() for n in parts)
        if not all(_is_column(n, index, catalog) for n in named) or all(n in _SAID for n in named):
            continue
        before = [w for w in words if w.end <= start]
        if found["open"][0] in ",+" and before and any(s.role == "dim" for s in index.phrases.get((before[-1].lemma,), ())):
            continue
        return (start, found.end("list")), named
    return None


def _is_column(words: str, index: PhraseIndex, catalog: Catalog) -> bool:
    key = tuple(lemma(w) for w in words.split())
    if words in _SAID or words in _CALLED or any(s.role in ("dim", "unit") for s in index.phrases.get(key, ())):
        return True
    name = "_".join(key)
    return any(name in d.fields and d.fields[name].free_text for d in catalog.datasets.values())


def fields(named: tuple[str, ...], dataset: str, index: PhraseIndex, catalog: Catalog) -> tuple[list[str], list[str]]:
    """(fields that the dataset has or reaches, phrases that it does not know)."""
    reach, known, lost = reachable(catalog, dataset), [], []
    for words in named:
        key = tuple(lemma(w) for w in words.split())
        name = _CALLED.get(words, "_".join(key))
        own = [f for s in index.phrases.get(key, ()) if s.role == "dim" for f in s.data.fields if f in reach]
        if name in catalog.datasets[dataset].fields:
            own = [name]
        if words == "who":
            own = [f for f in _WHO if f in catalog.datasets[dataset].fields][:1]
        if own:
            known.append(own[0])
        elif words not in _SAID and name and not any(s.role == "unit" for s in index.phrases.get(key, ())):
            lost.append(words)
    return list(dict.fromkeys(known)), lost


def apply(draft: Draft, named: tuple[str, ...], index: PhraseIndex, catalog: Catalog) -> list[str]:
    """Puts asked columns into a draft: keys of groups, or columns of rows, which are given back."""
    own, lost = fields(named, draft.dataset, index, catalog)
    dataset = catalog.datasets[draft.dataset]
    draft.foreign += lost
    draft.when = draft.when or any(n in _WHEN for n in named)
    rows = dataset.kind in (Kind.EVENT, Kind.DIMENSION) and not (
        draft.measures or draft.count_thing or draft.counted or draft.limits or draft.aggs or draft.rank
    )
    if rows or any(dataset.fields[f].free_text for f in own if f in dataset.fields):
        draft.listing, draft.by = True, []
        return own
    draft.by = list(dict.fromkeys([*draft.by, *own]))
    draft.listing = True
    return []
