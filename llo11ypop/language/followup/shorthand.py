"""Short follow-ups said in full, as the question before tells: 'over 30 minutes?' of a wait, 'the hottest?' of what was shown."""

import re

from llo11ypop.language.scope import Scope
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
    label = previous.measures[0].label if previous.measures else ""
    for said, before in _PAIRS:
        if re.search(rf"\b{before}\b", label) and re.search(rf"{_BARE_OR_NONE}{said}s?\W*$", text):
            text = re.sub(rf"\b{before}\b", said, _PLAIN.sub("", label))
    return text


_OPPOSITES = (("read", "write"), ("sent", "received"), ("supply", "return"), ("inlet", "outlet"))
_PAIRS = (*_OPPOSITES, *((other, one) for one, other in _OPPOSITES))
_BARE_OR_NONE = r"^\W*(?:(?:and|what about|how about|the|now|same for|for|ok)\s+)*"
_PLAIN = re.compile(r"^(?:average|mean|highest|lowest|total|median|p\d+) ")
