# ruff: noqa: E501 - patterns are easier to read whole
"""What ties a question to the one before it: words that go on, and words that stand for what was asked or shown."""

import re
from dataclasses import dataclass

_LEAD = re.compile(
    r"^\W*(?:(?:and then|and also|and|also|but|now(?! many)|then|so|ok|okay|no(?=,)|yes|sorry|typo|oops|my bad|correction|actually|please|thanks|thank you|great|good|nice|well|hmm+|right|what about|how about|what if|(?:do |show |give |repeat )?(?:me )?(?:exactly )?(?:the )?same(?! (?:period|window|time|date|day|week|month|range|filter|cluster|\d))|zoom (?:in )?(?:on|into|to)|drill (?:down )?(?:into|to|on)|focus on|only|just|again|instead|too|i (?:mean|meant|want(?:ed)?(?: to see)?)|i would like(?: to see)?|can you|could you|would you|will you|let us see|let me see|try|make (?:it|that)|do (?:it|that|this)|how does (?:it|that) look|what does (?:it|that) look like|further|additionally|add|repeat(?: (?:it|that|this))?|(?:change|switch|set)(?: (?:it|that|this|the (?:window|period|grouping|measure|filter)))? to|use|filter(?:ed)? (?:by|to|on|for)|(?:limit|restrict|narrow)(?:ed)?(?: (?:it|that|this|them))?(?: down)? to)\b[\s,:;.-]*(?:(?:things?|questions?|query|ones?|figures?|numbers?|please)\b[\s,:;.-]*)?)+"
)
_STRONG = re.compile(
    r"\b(?:zoom|drill|focus|and|also|but|what about|how about|what if|same|only|just|instead|too|again|i mean|i meant|exclud\w*|without|ignor\w*|split|break|add|make (?:it|that)|do (?:it|that|this)|additionally|further)\b"
)
_STEP = re.compile(r"^\W*(?:(?:now|then|so|ok|okay|actually|well|right|next)\b[\s,]*)+")
_EXCEPT = re.compile(
    r"^\W*(?:exclud\w*|without|ignor\w*|except|split|break|drop|remove|leave out|instead|by|per|as an?|relative|repeat|change|switch to|filter|limit|restrict|narrow|compare (?:it|that|this|them|with|to)|versus|vs|not)\b"
)
_UNITS = r"(?:week|month|quarter|morning|year|day|night|evening|afternoon|hour|weekend)"
_PRONOUN = re.compile(
    rf"\b(?:it|them|they|their|its|(?:of|for|in|by|with|to|on|from|at|over|split|break|plot|chart|show|graph|draw|group|compare|explain|sort|rank|order|filter|do|is|was|does|did|are|were|about|like|than|exclude|make|give|express|list|include|see|among|repeat|why|divide|limit|restrict|narrow|have|had|has) (?:that|those|these|this)(?! {_UNITS})|(?:over|for|in|during|on|of) the same|instead)\b"
    rf"|^\W*(?:and |but |so |only |just |what about |how about )*(?:that|those|these|this)\b(?! {_UNITS})"
)
_INNER = re.compile(r"^\W*(?:\S+\s+){4,}(?:and|with|by|of|for) (?:their|its|them)$")
"""'which nodes had XIDs, and their racks': stands for something in the same question."""
_CLAUSE = re.compile(
    r"\b(?:how (?:many|much|often|long)|number of|what (?:is|was|are|were|percentage|share|fraction)|which|who|list|give me|show me|tell me)\b"
)
_TYING = re.compile(
    r"\b(?:instead|but|as (?:above|before)|that|it|them|they|those|these|this|their|its|same|again|too|please|as well|also|only|just|additionally|further|on top(?: of that)?|ones|thanks|rows|results?|figures?|answer|include|including|is that|are there|are they)\b"
)
"""Words that tie wherever they stand; what they do is recognised elsewhere."""


@dataclass(frozen=True, slots=True)
class Tie:
    """How a text leans on the question before."""

    lead: int
    """Characters at the beginning that only tie."""
    strong: bool
    """It goes on with what was asked: 'and …', 'only …', 'same for …'."""
    step: bool
    """It begins with 'now' or 'then': it may as well be a new topic."""
    pronoun: bool
    """It stands for something said before: 'split that', 'which of them'."""
    clause: bool
    """It asks a whole question: 'how many …', 'what is …'."""
    narrow: bool
    extend: bool
    """What is named comes on top of what was there."""
    include: bool

    @property
    def goes_on(self) -> bool:
        """Whether it leans on the question before at all."""
        return self.strong or self.pronoun


def tie_of(text: str) -> Tie:
    """The ties of a normalised text."""
    lead = _LEAD.match(text)
    head = lead.group() if lead else ""
    begins = bool(_STRONG.search(head) or _EXCEPT.match(text))
    return Tie(
        lead=len(head),
        strong=begins or bool(re.search(r"\binstead\b|\b(?:too|as well)\W*$", text)),
        step=bool(_STEP.match(text)) and not begins,
        pronoun=any(not _INNER.search(text[: m.end()]) for m in _PRONOUN.finditer(text)),
        clause=bool(_CLAUSE.search(text)) and not re.search(r"\binstead\b(?! of)", text),
        narrow=bool(re.search(r"\b(?:only|just)\b", text)),
        extend=bool(re.search(r"\b(?:also|too|as well|add|plus|additionally|further|on top|both)\b", text)),
        include=bool(re.search(r"\b(?:include|including|add|again)\b", text)),
    )


def tying(text: str) -> list[tuple[int, int]]:
    """Character spans of words that only tie."""
    return [m.span() for m in _TYING.finditer(text)]
