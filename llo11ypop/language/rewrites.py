"""Turns of speech put into plain words before a question is taken apart; what is not recognised stays as it is."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from llo11ypop.language.entries import Saying

_VERB = re.compile(
    r"\b(do|does|did)\b([^?.,;]*?\b(?!(?:training|the|a|an|this|that|each|per|any|my|which|do|does|did)\b)[\w'-]+)"
    r"\s+run\b(?!\s+(?:id\b|r-|[a-z]+-?\d))"
)
"""'Which clusters does northstar run': running them, not a training run."""
_HARDWARE = r"(?!\s+(?:gpus?|cards?|accelerators?|nodes?|servers?|hosts?|clusters?|systems?|machines?|boards?|racks?)\b)"
_SHORTHAND = (
    (re.compile(r"`([\w./:-]+)`"), r"\1"),
    (
        re.compile(
            r"\b(cluster|provider|region|site|rack|row|node|switch|run|partition|account|user|mount)\s+[\"']([\w./:-]+)[\"'](?!\w)"
        ),
        r"\1 \2",
    ),
    (re.compile(r"\s?[\u00b5\u03bc]s\b"), " us"),  # micro, or the Greek letter
    (re.compile(r"\bw/o\s+"), "without "),
    (re.compile(r"\bw/\s*"), "with "),
    (re.compile(r"\s\+\s"), " and "),
    (re.compile(r"\b(yesterday|today|last night|last week|last month|this week|this month)s\b"), r"\1's"),
    (re.compile(r"\b([a-z]+-[a-z\d-]*\d)'s\b"), r"\1"),
    (re.compile(r"\b([a-z]-[a-z])'s\b"), r"\1"),
    (re.compile(r"(?<![\w#])#\s*(?:of\s+)?(?=[a-z])"), "number of "),
    (re.compile(r"\b(\d+)\s?\+\s(?=[a-z])"), r"at least \1 "),
    (
        re.compile(
            r"\b(?:mon|tues?|wed|thur?s?|fri|sat|sun),?\s+(?=\d{1,2}(?:st|nd|rd|th)?\s+(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))"
        ),
        "",
    ),
    (re.compile(r"\bper-(?=[a-z])"), "per "),
    (re.compile(r"(\w)\s*&\s*(?=\w)"), r"\1 and "),
    (re.compile(r"\b(than|over|under|least|most|exceed\w*|above|below)\s+an?\s+(?=(?:hour|minute|second|day|week)\b)"), r"\1 1 "),
    (re.compile(r"\b(?:exited|exits?|ended|quit)\s+with\s+(?:exit\s+)?(?:code\s+|status\s+)?(?=\d+\b)"), "with exit code "),
    (re.compile(r"\bone\s+or\s+more\s+(?=[a-z])"), "at least 1 "),
)
_SAYING = re.compile(
    r"\b((?:log\s+|syslog\s+|kernel\s+)?(?:lines?|messages?|logs?|entries|syslog))\s+(?:saying|containing|that\s+(?:say|said|contain|mention)|with\s+the\s+text|mentioning)\s+"
    r"(?![\"'])([a-z][\w:-]*(?:\s+[a-z][\w:-]*){0,4}?)(?=\s+(?:per|by|since|in|on|for|from|over|during|the\s+last|last|past|each)\b|\s*[,?.]|\s*$)"
)
"""'lines saying link down': what they say is text to look for."""


_TOPIC = re.compile(
    r"^\W*(?:ok(?:ay)?,?\s+|now\s+)*(?:(?:a\s+)?(?:different|another|new|other)\s+(?:topic|question|subject|matter)|(?:switching|changing)\s+topics?"
    r"|unrelated(?:\s+question)?|something\s+else|next\s+question)\b[:,;.-]*\s*"
)


def anew(text: str) -> tuple[str, bool]:
    """The question without 'different topic:', and whether it said so."""
    rest = _TOPIC.sub("", text)
    return (rest, True) if rest != text and rest.strip(" ?!.") else (text, False)


_FAILED = re.compile(r"(?<!state )(?<!state=)(?<!= )\bFAILED\b(?!(?:,|/| and| or) ?[A-Z_]{4})")
"""Slurm's own word for one state; 'failed' in small letters stands for all that count as failures."""


def exact_states(question: str) -> str:
    """A question about jobs in which FAILED, in capitals, is said to be the state."""
    if question.isupper() or not re.search(r"\bjobs?\b", question):
        return question
    return _FAILED.sub("state FAILED", question)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> "re.Pattern[str]":
    return re.compile(text)


def plain(text: str, models: Iterable[str], sayings: Iterable[Saying] = ()) -> str:
    """A normalised question with shorthand, verbs that look like things, and GPU models in the plural ('H100s'), said plainly."""
    for saying in sayings:
        if not any(_pattern(p).search(text) for p in saying.none):
            for found in saying.any:
                text = _pattern(found).sub(saying.says, text)
    for pattern, said in _SHORTHAND:
        text = pattern.sub(said, text)
    text = _SAYING.sub(r'\1 with "\2"', text)
    text = _VERB.sub(r"\1\2 operate", text)
    names = "|".join(sorted({re.escape(m) for m in models if re.fullmatch(r"[a-z]+\d+", m)}, key=len, reverse=True))
    return re.sub(rf"\b({names})s\b{_HARDWARE}", r"\1 gpus", text) if names else text


def without_units(text: str, units: Mapping[str, Iterable[str]]) -> tuple[str, tuple[str, ...]]:
    """The question without the units that it wants the answer in ('in kW', '(hours)', ', ms'), and their codes."""
    spoken = {form: code for code, words in units.items() for word in words for form in (word, f"{word}s") if _said(form)}
    names = "|".join(sorted((re.escape(w) for w in spoken), key=len, reverse=True))
    wanted: list[str] = []

    bracketed, asked, last = (
        rf"\(\s*(?:in\s+)?({names})\s*(?:\)|,(?=[^()]*\)))",
        rf"\b(?:in|as|how\s+(?:many|much)(?=\s+(?:tera|giga|mega)?(?:bytes?|[tgm]i?b)\b))\s+({names})(?![\w/-])",
        rf",\s*({names})\s*[?.]?\s*$",
    )

    def dropped(match: re.Match[str]) -> str:
        wanted.append(spoken[next(g for g in match.groups() if g)])
        return " "

    return re.sub(f"{bracketed}|{asked}|{last}", dropped, text), tuple(dict.fromkeys(wanted))


def _said(word: str) -> bool:
    """Whether a unit's word is long enough not to be something else: 'c' is also a cluster."""
    return len(word) > 1 or word in ("w", "v")
