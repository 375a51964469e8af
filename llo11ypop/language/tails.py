# ruff: noqa: E501 - patterns are easier to read whole
"""Ends of a question that ask for what every answer shows: 'and how many each', 'with the count', 'which one and how often'."""

import re

_ASK = r"(?:how (?:many(?: (?:times|hours|minutes|seconds|days|steps|lanes|watts|kw|events|errors))?|often|much|long|high|low|hot)(?: (?:times|each|of each|of them|of those|was it|were they|is it|are they|for each|per \w+))*)"
_NOUN = r"(?:count|counts|number|numbers|total|totals|frequency|value|values|figure|figures|amount|rate|rates|width|widths|tally|reading|readings|name|names)"
_THINGS = r"(?:which|what|who|list|show|give|name)"
_HOW_MANY = re.compile(
    rf"^(?=\W*(?:{_THINGS}\b|\w+ (?:with|that|whose|who)\b))(?P<rest>.{{12,}}?)(?:,? and|,|;| -|\+) (?:(?:on|for|with|by|to|in|of|at) )?{_ASK}\W*$"
)
_WITH = re.compile(
    rf"^(?P<rest>.{{12,}}?)(?:,? (?:and|with|plus|incl\w*)|,|\+|[?;.] (?:show|give|list)(?: me)?) (?:also )?(?:(?:the|their|its|a) )?(?:lane |link |respective |current |exact )?{_NOUN}(?: (?:for |of )?(?:each|every one|of them|them|those))?(?: too)?\W*$"
)
_WHICH = re.compile(
    r"^\W*(?:is|are|was|were|has|have|had|did|does|do) (?:there )?(?:any|some)(?: of (?:the|our))? (?P<thing>[\w-]+)(?P<rest>.*?)\? ?(?:if so,? )?(?:which|what|list|name|and)(?: (?:ones?|of them|is it|are they|them))*(?:,? (?:and|-) (?:on |for |at )?(?:how (?:many|often|much)|what (?:rate|value|number|width)|which \w+|where|when)(?: \w+){0,3})?\W*$"
)


_PER = re.compile(
    r"^(?P<rest>\W*(?!how many|number|count|which|what|who|is|are|was|were|did|do|does|has|have|any)[a-z][\w-]*(?:s|ed)\b.{6,}?)[,;:]? (?:and )?(?:count(?:ed|s)?|number(?: of them)?|how many(?: of them)?|tallied)(?: of)?(?: them| those)? (?P<by>(?:per|by|in each|for each) [\w -]+?)\W*$"
)


def without_restated(text: str) -> str:
    """The question without an end that only asks for the figure of each row, or for the rows of a yes-or-no question."""
    text = _WHICH.sub(lambda m: f"which {m['thing']}{m['rest']}", text)
    text = _PER.sub(lambda m: f"number of {m['rest'].strip(' ,;:')} {m['by']}", text)
    for pattern in (_HOW_MANY, _WITH):
        found = pattern.match(text)
        if found is not None:
            return found["rest"]
    return text
