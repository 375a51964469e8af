"""Short follow-ups said in full, as the question before tells: 'over 30 minutes?' of a wait, 'the hottest?' of what was shown."""

import re

from llo11ypop.language.scope import Quantity, Scope
from llo11ypop.language.time_counts import COUNT, UNIT

BOUNDS = (">", ">=", "<", "<=")
_OVER = re.compile(rf"^(\W*(?:(?:and|or|but|what about|how about|ok|so)\s+)*)over(?=\s+{COUNT}[\s-]*{UNIT}\W*$)")
_BARE = r"^\W*(?:(?:and|so|but|ok|then|now|which|what|who|one|ones|of|them|those|these|is|are|was|were|the|has|had|got)\s+)+"
_ENDS = {
    "Cel": (("hottest", "warmest"), ("coolest", "coldest")),
    "s": (("longest", "slowest"), ("shortest", "fastest", "quickest")),
    "ms": (("longest", "slowest"), ("shortest", "fastest", "quickest")),
}
"""Unit → words for its highest and for its lowest value."""


def in_full(text: str, previous: Scope) -> str:
    """The text with what the scope before it makes plain; any other text as it is."""
    if any(f.op in BOUNDS for f in previous.filters) or previous.having:
        text = _OVER.sub(r"\1more than", text)
    unit = previous.measures[0].unit if len(previous.measures) == 1 and previous.by else ""
    for word, plain in zip(_ENDS.get(unit, ()), ("top 1", "bottom 1"), strict=False):
        text = re.sub(rf"{_BARE}(?:{'|'.join(word)})\W*$", plain, text)
    first = previous.measures[0] if previous.measures else None
    for one, other in _PAIRS if first is not None else ():
        for said, before in ((one, other), (other, one)):
            if re.search(rf"\b{before}\b", first.label) and re.search(rf"{_BARE_OR_NONE}{said}s?\W*$", text):
                text = re.sub(rf"\b{before}\b", said, _PLAIN.sub("", first.label))
    return _WHICH_OF.sub(r"list those that \1", text) if _lists(first) else text


_PAIRS = (("read", "write"), ("sent", "received"), ("supply", "return"), ("inlet", "outlet"))
_BARE_OR_NONE = r"^\W*(?:(?:and|what about|how about|the|now|same for|for|ok)\s+)*"
_PLAIN = re.compile(r"^(?:average|mean|highest|lowest|total|median|p\d+) ")
_WHICH_OF = re.compile(r"^\W*(?:and |but |so )*which (?:of (?:these|those|them)|ones) ((?:are|is|were|was|have|had)\b.*)$")


def _lists(quantity: Quantity | None) -> bool:
    """Whether what was counted are things with names of their own, which can be listed."""
    return quantity is not None and quantity.agg == "count" and not quantity.field
