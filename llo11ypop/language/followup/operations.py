# ruff: noqa: E501 - patterns are easier to read whole
"""The closed set of operations that words of a follow-up can ask for, beside naming a measure, a group, a value or a time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from llo11ypop.language.index import PhraseIndex
from llo11ypop.language.words import tokens

_RANK = r"worst|best|highest|lowest|largest|smallest|longest|shortest|biggest|most|least|fewest|hottest|coolest|coldest|warmest|slowest|fastest|top|bottom"
_OFF = r"(?:without|drop|remove|clear|forget|lift|undo|reset|cancel|skip|no|not|leave (?:out|off)|take (?:away|off|out))"
_ALL = r"(?:the|any|that|those|my|all|every|this)"
_SPLIT = r"(?:split(?:ting)?|grouping|breakdown|group(?:s|ed)?|groups?)"

_PATTERNS: tuple[tuple[str, str], ...] = (
    ("undo", r"\b(?:undo(?: (?:that|it|the last))?(?=\W*$)|go back\b.*|(?:take me )?back to (?:the )?(?:previous|first|original|last|initial|earlier|one)\b.*|as before(?=\W*$)|revert\b.*)"),
    ("old", r"\b(?:instead of|rather than|in place of) (?:the |by |per |for |in |on |over )*(?P<what>[^,;?!]+)"),
    ("uncompare", rf"\b{_OFF}(?: {_ALL})*(?: compar\w+| baseline)(?: with .*)?\b"),
    ("unplan", r"\b(?:include|including|with|count|counting|keep)(?: the)? (?:planned work|(?:planned )?maintenance(?: windows?)?)(?: again| too| as well)?\b"),
    ("exclude_planned", r"\b(?:exclud\w*|without|ignor\w*|except(?: for)?|leav\w+ out|outside(?: of)?|omit\w*|not counting|skip|minus|drop|remove)(?: (?:the|any|all|hours of|times of|hours in))* (?:planned (?:work|maintenance|outages?|downtime)|(?:scheduled )?maintenance(?: (?:windows?|work|periods?|hours|times?))?)\b"),
    ("no_chart", r"\b(?:no|without(?: the| a)?|(?:drop|remove|hide|skip)(?: the)?|not as a) (?:chart|graph|plot)\b"),
    ("unbucket", rf"\b{_OFF}(?: the| any)* (?:over time|trend|time series|hourly|daily|weekly|monthly|(?:split |grouping |breakdown )?(?:by|per) (?:hour|day|week|month|time))\b"),
    ("drop_filter", rf"\b{_OFF}(?: {_ALL})* (?P<what>(?:[\w-]+ ){{0,2}}?)(?:filters?|conditions?|restrictions?|scope|limitations?)\b(?: (?:on|to|for|by|of)(?: the)? (?P<on>[\w-]+(?: [\w-]+)?))?"),
    ("unlimit", rf"\b{_OFF}(?: {_ALL})* (?:thresholds?|cut-?offs?)\b"),
    ("everywhere", r"\b(?:(?:for|over|across|in|on|of|from) )?(?:the )?(?:whole|entire|complete|full) fleet\b|\bfleet[- ]?wide\b|\b(?:anywhere|everywhere)\b|\ball over\b|\b(?:for|across) the fleet\b"),
    ("all_rows", r"\b(?:show |list |give )?(?:me )?(?:all|each|every one) of (?:them|those|these)\b|\bnot (?:just|only)(?: the)? (?:top|first|worst|best)(?: \w+)?\b|\b(?:the )?(?:full|whole|complete|entire) (?:list|table|ranking|set)\b|\ball (?:the )?(?:rows|results|entries|groups|rest)\b|\b(?:no|without (?:the|a|any)|drop the|remove the|lift the|clear the) (?:limit|cut|top(?: \w+)?)\b|^\W*(?:(?:and|now|show|list|but|just|give|me|them|please) )*all(?: again)?\W*$|(?<=, )all\b(?! \w)|\beverything\W*$"),
    ("order", rf"\b(?:with |the |starting with )*(?P<rank>{_RANK}|newest|oldest|latest)(?: ones?| values?)? first\b|\b(?:in |sorted )*(?P<dir>ascending|descending)(?:ly)?(?: order)?\b|\bfrom (?P<from>high(?:est)?|low(?:est)?|worst|best|large(?:st)?|small(?:est)?|most|least) to (?:high|low|worst|best|large|small|most|least)\w*\b"),
    ("reverse", r"\b(?:reversed?|invert(?:ed)?|flip(?:ped)?|turn)(?: (?:the |this |that |it |them )*(?:order|sorting|ranking|list|around|round|sort)?)?\b(?: it| that| them)?|\bthe other way (?:a?round)\b|\bin reverse(?: order)?\b"),
    ("sort", r"\b(?:sort|order|rank)(?:ed)?(?: (?:it|them|that|those|these|the rows|the list))?(?: by (?:the )?(?P<by>[\w -]+?))?(?=\W*$|,| (?:descending|ascending|instead|please))"),
    ("absolute", r"\b(?:as |in )?(?:the )?absolute(?: (?:numbers?|counts?|values?|terms|figures?))?\b|\bnot (?:as |in )?(?:an? |the )?(?:shares?|percent\w*|%|fractions?|rates?)\b|\bas (?:plain )?(?:counts|numbers)\b|\b(?:not|without|drop the|no) (?:normali[sz]\w+|rates?)\b"),
    ("share", r"\b(?:show (?:it |that |this |them )?)?(?:as|in|into)(?: an?| the)? (?:shares?|percentages?|percents?|fractions?|proportions?)(?: of (?:the |all )?(?:total|whole|all|them))?\b|(?:\b(?:as|in)(?: a)? )?%(?: of (?:the )?(?:total|whole|all))?(?=\W*$)|^\W*(?:and |what |the |is |are |their )*(?:shares?|percentages?|percent)(?: of (?:the )?(?:total|whole|all))?(?=\W*$)|\brelative to the (?:total|whole)\b"),
    ("ungroup", rf"\b{_OFF}(?: {_ALL})* (?:{_SPLIT} (?:by|per|into) |by |per )(?P<what>[a-z][\w -]*?)(?=\W*$|,|;| anymore| any more| but\b| just\b)|\b{_OFF}(?: {_ALL})* {_SPLIT}(?! by)\b|\bungroup(?:ed)?\b|\b(?:not|do not|don't) (?:split|group)(?:ed)?(?: (?:it|that|them))?(?: anymore| any more)?(?=\W*$)"),
    ("total", r"\b(?:(?:the )?(?:grand )?total|sum(?:med)?|added up|combined) (?:across|over|for|of) (?:all )?(?:the |our )?(?:clusters|nodes|racks|sites|rows|gpus|providers|regions|users|accounts|runs|partitions)\b|\b(?:in total|overall|altogether|all together|combined|as one (?:number|figure)|taken together|summed up|sum (?:it|them|that|those|these)(?: all)?(?: up)?|sum up)\b|^\W*(?:and |just |only |now |so |but |show |me |give |what |is )*(?:the )?(?:grand |overall |sum )?total(?: number| count)?(?=\W*$)|^\W*(?:and |just |only |now )*(?:the )?(?:plain )?(?:count|number)(?=\W*$)|\bjust the (?:one )?(?:number|figure)(?=\W*$)"),
    ("file", r"\b(?:(?:export|download|save|give|show|send|write)(?: (?:me|it|that|this|them))* )?(?:as|in|to|into)(?: an?)? (?P<kind>csv|json|excel|xlsx|spreadsheet|parquet)(?: file| format)?\b|^\W*(?:and )?(?P<only>csv|json)(?: please)?(?=\W*$)"),
    ("table", r"\b(?:show |list |give )*(?:it |that |this |them |me )*(?:as|in)(?: an?| the)? (?:plain )?(?:table|list|rows|tabular form)\b|^\W*(?:and )?(?:the |a )?table(?: please)?(?=\W*$)"),
    ("chart", r"\b(?:(?:show|draw|give|plot|make)(?: (?:me|it|that|this|them|those|the))* )?(?:as|in|on|with|into)? ?\b(?:an? |the )?(?:bar |column |line )?(?:chart|graph|plot|diagram)\b(?: (?:of )?(?:it|that|this|them|those)\b)?(?: please)?|\b(?:plot|chart|graph|draw|visuali[sz]e) (?:it|that|this|them|those)\b"),
    ("normalise", r"\bnormali[sz]\w*(?: (?:it|that|this|them))?(?: (?:by|for|per|to)(?: the)?(?: number of)? (?P<what>gpu|node|port|host|server)s?(?: count| number)?)?\b|\bdivided by(?: the)?(?: number of)? (?P<by>gpu|node|port|host|server)s?\b"),
    ("apart", r"\b(?:side by side|next to each other|each (?:by itself|on its own|separately)|one by one)\b"),
    ("split", r"\b(?:break|split|drill|divide)(?: (?:it|that|this|them|those|these))?(?: (?:up|down|out|further))*\b"),
    ("ratio", r"\b(?:relative to|divided by|as an? (?:share|fraction|percentage|part|proportion) of)\b"),
    ("remove", r"^\W*(?:(?:and|now|please|but|then) )*(?:drop|remove|forget|lift|clear|take out|leave out)\b(?: the)?|\band (?:drop|remove|forget) (?:the )?"),
    ("repeat", r"\b(?:the )?same (?:period|window|time(?: range| window| span| frame)?|dates?|interval|days|hours|week|month|range|filters?|clusters?|scope|places?|grouping|breakdown|split)\b|\b(?:that|those) (?:day|week|month|night|hour|period|window|time|days)\b|\b(?:at|in) that time\b"),
)  # fmt: skip
"""Operation → the words that ask for it. Earlier patterns take their words from later ones."""
_OF_ALL = re.compile(
    r"\b(?:(?:for|across|over|in|on|of|from|include|including|show|with) )?(?P<each>all|any|every|each)(?: of)?(?: the| our)? (?P<what>[a-z]+(?: [a-z]+)?)(?: again)?"
)
_THOSE = re.compile(
    r"\b(?P<which>those|these|the same|same|that|this)(?: (?:\d+|two|three|four|five|six|ten|few))? (?P<what>[a-z]+(?: [a-z]+)?)"
)
_COMPILED = tuple((name, re.compile(pattern)) for name, pattern in _PATTERNS)
_PLACED = "\0"


@dataclass(frozen=True, slots=True)
class Said:
    """The operations that a follow-up names."""

    matches: dict[str, list[re.Match[str]]] = field(default_factory=dict)
    all_of: tuple[str, ...] = ()
    """Fields of 'all clusters': no condition on them any more."""
    each: tuple[str, ...] = ()
    """Fields of 'every cluster' and 'all clusters side by side': told one by one."""
    those: tuple[tuple[str, str], ...] = ()
    """('those', 'nodes'): words that stand for things that were shown."""
    spans: tuple[tuple[int, int], ...] = ()
    """Characters of the normalised text that are explained."""

    def has(self, *names: str) -> bool:
        """Whether any of these operations is named."""
        return any(n in self.matches for n in names)

    def word(self, name: str, group: str) -> str:
        """What an operation is about, as it is said; empty when it is not named."""
        return next((m[group].strip() for m in self.matches.get(name, ()) if m[group]), "")


def operations(text: str, index: PhraseIndex) -> Said:
    """The operations of a normalised text."""
    rest, found, spans = text, {}, []  # type: ignore[var-annotated]
    for name, pattern in _COMPILED:
        for match in pattern.finditer(rest):
            if not match.group().strip() or _PLACED in match.group().strip(_PLACED):
                continue
            if name in ("ungroup", "sort") and match.groupdict().get("what") and not fields_of(match["what"], index):
                continue
            found.setdefault(name, []).append(match)
            spans.append(match.span())
            start, end = match.span()
            rest = rest[:start] + _PLACED * (end - start) + rest[end:]
    every: list[str] = []
    apart: list[str] = []
    for match in _OF_ALL.finditer(rest):
        words = _dimension(match, index)
        if words.endswith("s") or (words and match["each"] != "all"):
            end = match.start("what") + len(words)
            again = re.match(r" again\b", rest[end:])
            spans.append((match.start(), end + (again.end() if again else 0)))
            every += fields_of(words, index)
            apart += fields_of(words, index) if match["each"] in ("every", "each") or "apart" in found else ()
    those: list[tuple[str, str]] = []
    for match in _THOSE.finditer(rest):
        words = _dimension(match, index)
        if words:
            those.append((match["which"], words))
            spans.append((match.start(), match.start("what") + len(words)))
    return Said(found, tuple(every), tuple(apart), tuple(those), tuple(spans))


def _dimension(match: re.Match[str], index: PhraseIndex) -> str:
    """The words of a match that name a dimension, as many as do; empty for none."""
    words = match["what"].split()
    shown = (" ".join(words[:size]) for size in range(len(words), 0, -1))
    return next((w for w in shown if fields_of(w, index)), "")


def fields_of(words: str, index: PhraseIndex) -> tuple[str, ...]:
    """Fields that a dimension's name may stand for: 'cluster', 'GPU model', 'nodes'; none for anything else."""
    lemmas = [t.lemma for t in tokens(words.strip(), index.whole)]
    if not lemmas:
        return ()
    found = [senses for length, senses in index.at(lemmas, 0) if length == len(lemmas)]
    return tuple(dict.fromkeys(_fields(s for senses in found for s in senses if s.role == "dim")))


def _fields(senses: Iterable[object]) -> Iterable[str]:
    for sense in senses:
        yield from sense.data.fields  # type: ignore[attr-defined]
