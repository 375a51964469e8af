"""Tell an order from a question: a verb that changes something at the head of a clause, and a thing that it would change.

'Drain gpu-a-017' is an order; 'drain reasons this week', 'which nodes should we drain' and 'drop the filter' are not.
"""

import re
from dataclasses import dataclass
from functools import cache

from llo11ypop.agents.guardrail.rules import Guard, Orders

_SENTENCE = re.compile(r"[.;!?\n]+(?:\s|$)|\n")
_CLAUSE = re.compile(r",\s*(?:and\s+|then\s+)*|\s+and\s+(?:then\s+|also\s+)?|\s+then\s+|:\s+")
_ENTITY = r"[a-z]+(?:-[a-z0-9]+)*-?\d+\S*"
"""A node, job, GPU or run by its id: gpu-a-017, r-118, 4711."""
_CLUSTER = r"[a-z]-[a-z]"


@dataclass(frozen=True)
class _Compiled:
    polite: re.Pattern[str]
    mild: re.Pattern[str]
    determined: re.Pattern[str]
    question: re.Pattern[str]
    orders: tuple[re.Pattern[str], ...]


def is_order(question: str, guard: Guard) -> bool:
    """Whether some clause of a (normalised) question orders a change."""
    compiled = _compile(guard.file.orders)
    for sentence in _SENTENCE.split(question):
        head = compiled.polite.sub("", sentence.strip(" \"'`*-"))
        clauses = [head] if compiled.question.match(head) and not _tells(head) else _CLAUSE.split(head)
        for clause in clauses:
            bare = compiled.polite.sub("", clause.strip())
            ordered = [m for m in (order.match(bare) for order in compiled.orders) if m]
            named = _named(bare) and not compiled.mild.match(bare)
            if ordered and (named or not _of_the_answer(bare, max(m.start("object") for m in ordered), compiled, guard)):
                return True
    return False


def _named(clause: str) -> bool:
    """'drain gpu-a-017': a verb with an id right behind it is about that thing, whatever else is said."""
    return (
        re.match(rf"[a-z]+(?:\s+(?:off|down|out|back|up|on|cycle))?\s+(?:node\s+|host\s+|job\s+)?{_ENTITY}", clause) is not None
    )


def _of_the_answer(clause: str, at: int, compiled: _Compiled, guard: Guard) -> bool:
    """'drop the filter', 'reset count by node': a mild verb, or one that is part of a name, beside a word of answers.

    The thing that is to be changed, which begins `at` a character, is no such word: a power limit is not the limit of a list.
    """
    thing = max((len(o) for group in guard.file.orders.groups for o in group.objects if clause.startswith(o, at)), default=0)
    if guard.about_the_answer.search(f"{clause[:at]} {clause[at + thing :]}") is None:
        return False
    return compiled.mild.match(clause) is not None or compiled.determined.match(clause) is None


def _tells(head: str) -> bool:
    """'show' and 'list' may be followed by an order ('list the hot nodes and reboot them'); a real question is not."""
    return head.startswith(("show", "list", "count", "plot", "chart", "explain", "number"))


def verbs_of(guard: Guard) -> frozenset[str]:
    """The single verbs that can order a change."""
    return frozenset(v for group in guard.file.orders.groups for v in group.verbs)


@cache
def _compile(orders: Orders) -> _Compiled:
    determiners = _any(orders.determiners)
    patterns = [
        re.compile(
            rf"(?:{_any(group.verbs)})\s+(?:(?:{determiners})\s+|\d+\s+|{_CLUSTER}\s+)*"
            rf"(?:(?:(?<=the )|(?<=all ))(?:[\w-]+\s+){{1,2}})?"
            rf"(?P<object>{_any(group.objects)}|{_ENTITY}|\d{{3,}})\b"
        )
        for group in orders.groups
    ]
    return _Compiled(
        polite=re.compile(rf"^(?:(?:{_any(orders.polite)})\b[\s,:]*)+"),
        mild=re.compile(rf"(?:{_any(orders.mild)})\b"),
        determined=re.compile(
            r"\w+(?:\s+(?:off|down|out|back|up|on|cycle))?\s+(?:the|all|every|each|any|my|our|this|that|these|those)\b"
        ),
        question=re.compile(rf"^(?:{_any(orders.questions)})\b"),
        orders=tuple(patterns),
    )


def _any(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(w).replace(r"\ ", r"\s+") for w in sorted(words, key=len, reverse=True))
