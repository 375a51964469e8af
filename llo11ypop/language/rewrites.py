"""Turns of speech put into plain words before a question is taken apart; what is not recognised stays as it is."""

import re
from collections.abc import Iterable

_VERB = re.compile(
    r"\b(do|does|did)\b([^?.,;]*?\b(?!(?:training|the|a|an|this|that|each|per|any|my|which|do|does|did)\b)[\w'-]+)\s+run\b(?!\s+(?:id\b|r-|[a-z]+-?\d))"
)
"""'Which clusters does northstar run': running them, not a training run."""
_HARDWARE = r"(?!\s+(?:gpus?|cards?|accelerators?|nodes?|servers?|hosts?|clusters?|systems?|machines?|boards?|racks?)\b)"


def plain(text: str, models: Iterable[str]) -> str:
    """A normalised question with verbs that look like things, and GPU models in the plural ('H100s'), said plainly."""
    text = _VERB.sub(r"\1\2 operate", text)
    names = "|".join(sorted({re.escape(m) for m in models if re.fullmatch(r"[a-z]+\d+", m)}, key=len, reverse=True))
    return re.sub(rf"\b({names})s\b{_HARDWARE}", r"\1 gpus", text) if names else text
