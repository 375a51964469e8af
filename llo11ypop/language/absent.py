"""Questions about what is not there: a cluster that does not exist, a model this fleet has not, a date that never was."""

import re
from collections.abc import Sequence

from rapidfuzz import process

from llo11ypop.language.index import PhraseIndex
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.scope import Scope
from llo11ypop.language.spot import Spotted
from llo11ypop.language.times import Times
from llo11ypop.language.values import ValueIndex
from llo11ypop.language.words import Token

_SHOWN = 8
_POINTING = re.compile(
    r"\b(?:the other one|(?:that|this) one(?!\s+(?:problem|issue|incident|cause|event|fault|root|failure))"
    r"|the former|the latter|these two|those two|both of them)\b"
    r"|^\W*(?:is|was|did|has)\s+(?:it|that|this)\s+(?:getting\s+|become\s+|get\s+|gotten\s+|now\s+)?(?:worse|better|normal|ok|okay|fine)\b"
    r"|^\W*(?:(?:and|but|so|ok|well)\s+)*(?:why\W*$|how come\W*$|why is (?:that|this|it)\W*$|(?:which|what)\s+ones?\b"
    r"|(?:how many|which|any)\s+of\s+(?:them|those|these)\b)"
)
"""Words that point at an answer before; a question that stands alone has none."""
_WHY_IT = re.compile(
    r"^\W*(?:(?:do|did|have) you (?:have|know) (?:any |an )?(?:idea )?)?"
    r"(?:why|how come|what (?:made|makes|caused|drove|pushed|brought))"
    r"\s+(?:(?:did|does|is|was|has|had|would)\s+)?(?:it|that|this|they|them)\s+(?:to\s+)?\w+"
)
"""'Why did it drop', 'what made it fall': of something that was told before."""
_CONTINUING = re.compile(r"^\W*(?:and|or|but|what about|how about|(?:split|break|group)(?: \w+)? (?:that|it|them|this)|same)\b")


def of_times(times: Times, *, roster: bool = False) -> str | None:
    """A date that does not exist, or one that is still to come; none when the time is fine."""
    if times.impossible:
        return f"{times.impossible} does not exist in the calendar, so there is nothing to look up; name another date or period"
    if times.begun:
        return f"{times.begun} has only just begun: there is nothing of it yet; ask for the last 24 hours or the period before"
    if times.future and not (roster and times.tonight):
        return f"{times.future} is still to come: telemetry ends at the instant of the question; ask for a risk instead of a fact"
    return None


def continues(text: str) -> bool:
    """Whether a question begins like one that goes on from another."""
    return _CONTINUING.search(text) is not None


def of_pointing(text: str) -> str | None:
    """What to ask back where a question points at an answer that is not there."""
    lost = _POINTING.search(text) or (_WHY_IT.search(text) if not re.search(r"\d|\w-\w", text) else None)
    return f"'{lost.group().strip()}' of what? name the cluster, node, job or measure you mean" if lost else None


def of_history(scope: Scope, values: ValueIndex) -> str | None:
    """A period that ended before the first row of what is asked about."""
    begun = [values.since[q.dataset] for q in scope.measures if q.dataset in values.since]
    window = scope.window
    if window is None or not begun or window.end_at > min(begun):
        return None
    return f"telemetry of this begins on {min(begun):%-d %B %Y}; there is none for {window.label}, which is not zero"


def of_names(tokens: Sequence[Token], taken: Sequence[bool], index: PhraseIndex, values: ValueIndex) -> str | None:
    """Identifiers that look like those of this fleet but are none."""
    lines = []
    for at, token in enumerate(tokens):
        word = token.text.strip("'.")
        if word in index.names or (token.lemma,) in index.phrases:
            continue
        fitting = [f for f, pattern in index.shapes.items() if pattern.fullmatch(word) and not taken[at]]
        if fitting:
            lines.append(missing(max(fitting, key=lambda f: _constant(index.shapes[f].pattern)), word, values))
    return "; ".join(dict.fromkeys(lines)) or None


def _constant(pattern: str) -> int:
    """Characters of a shape that are the same in all values: 'r-' of runs says more than letters, a dash and digits."""
    return len(pattern.replace("[a-z]+", "").replace(r"\d+", "").replace("\\", ""))


def missing(field: str, word: str, values: ValueIndex, kind: str = "") -> str:
    """'there is no cluster 'zeta'; clusters are c-a, c-b …', or the nearest names where there are many."""
    known = values.values.get(field, ())
    kind = kind or {
        "node_id": "node",
        "run_id": "run",
        "switch_id": "switch",
        "gpu_model": "GPU model",
        "part_no": "part number",
        "technician_id": "technician",
        "leaf_switch": "switch",
    }.get(field, field.replace("_", " "))
    if not known:
        return f"there is no {kind} '{word}' here"
    if len(known) <= _SHOWN:
        return f"there is no {kind} '{word}'; {kind}s are {', '.join(known)}"
    near = [w for w, _, _ in process.extract(word, known, limit=3)]
    return f"there is no {kind} '{word}' among {len(known)}; the nearest are {', '.join(near)}"


def of_labels(spotted: Spotted, tokens: Sequence[Token], values: ValueIndex) -> str | None:
    """An unknown word right behind (or before) the kind of thing it should be: 'cluster zeta', 'provider foo'."""
    items = spotted.items
    for at, item in enumerate(items):
        dim = item.sense("dim")
        if dim is None or not item.text or item.text.endswith("s"):
            continue
        field = next((f for f in dim.data.fields if values.values.get(f)), "")
        before = next((items[n] for n in range(at - 1, -1, -1) if not (items[n].has("soft") and len(items[n].senses) == 1)), None)
        if before is not None and before.has("which", "group", "count", "top", "bottom", "worst", "best"):
            continue
        if not field:
            continue
        for n in (at + 1, at - 1):
            if n == at + 1 and n < len(items) and tokens[items[n].start].start > tokens[item.end - 1].end + 1:
                continue
            if 0 <= n < len(items) and any(
                c.lower().rsplit("-", 1)[-1] == items[n].text for c in values.values.get("cluster", ())
            ):
                continue
            if (
                0 <= n < len(items)
                and items[n].has("unknown")
                and _name_like(items[n].text, tokens)
                and (n == at + 1 or at == 0 or True)
            ):
                if not re.search(r"[\d-]", items[n].text) and field not in (
                    "cluster",
                    "provider",
                    "site",
                    "region",
                    "account",
                    "partition",
                ):
                    continue
                return missing(field, items[n].text, values, dim.data.label)
    return None


def _name_like(word: str, tokens: Sequence[Token]) -> bool:
    return len(word) > 0 and any(t.text == word for t in tokens)


def of_models(spotted: Spotted, values: ValueIndex, lexicon: Lexicon) -> str | None:
    """A GPU model that exists on the market but not here."""
    for item in spotted.items:
        absent = item.sense("absent")
        if absent is not None and not item.has("value"):
            known = values.values.get(absent.name, ())
            label = next((d.label for d in lexicon.dimensions.values() if absent.name in d.fields), absent.name)
            shown = ", ".join(known[:_SHOWN])
            here = f"there are no {str(absent.data).upper()} GPUs in this fleet ({label}s here: {shown})"
            return f"{here}, so there is no reading of them: not zero, but nothing to measure"
    return None
