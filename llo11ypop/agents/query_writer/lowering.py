"""From a grounded form to a reading: said again in the reader's own words, read by the reader, and held against the question.

The sentence is made of names of the lexicon, and of names, numbers and times of the question; nothing that a model wrote is in
it. What the question says and the sentence does not is a reason to refuse: an answer to half a question is a wrong one.
"""

from collections.abc import Iterator
from datetime import datetime

from llo11ypop.agents.query_writer.form import HOW, LIMITS, Form, FormError
from llo11ypop.agents.query_writer.said import Said, key, said
from llo11ypop.agents.query_writer.terms import Offered
from llo11ypop.language.index import Sense
from llo11ypop.language.reach import reachable
from llo11ypop.language.reader import Reader
from llo11ypop.language.reading import Reading
from llo11ypop.language.spot import BY_UNIT, fits

_FREE = frozenset(
    {"count", "which", "show", "group", "across", "chart", "times", "conjunction", "soft", "distinct", "unit", "trend"}
)
"""Roles of words that a sentence may leave out."""


def lowered(form: Form, offered: Offered, asked: Said, reader: Reader, at: datetime) -> Reading:
    """The reading of a grounded form. Raises FormError with the reason."""
    why = FormError("it is no single query")
    for text in sentences(form, offered, asked, reader):
        reading = reader.read(text, at)
        try:
            if reading.plan is None or reading.unknown:
                raise FormError(f"'{text}' cannot be asked here: {reading.clarify or reading.nothing or 'it is no single query'}")
            _holds(form, offered, reading, reader)
            _says_all(asked, said(text, at, reader), offered, reader)
            return reading
        except FormError as bad:
            why = bad
    raise why


def sentences(form: Form, offered: Offered, asked: Said, reader: Reader) -> Iterator[str]:
    """The form in words of the lexicon and of the question, in one or two ways of saying it."""
    step = {"": "", "auto": "over time"}.get(form.over_time, f"by {form.over_time}")
    only, without = " and ".join(form.only), " and ".join(form.without)
    rest = [step, f"only {only}" if only else "", f"except {without}" if without else "", asked.time]
    for head in _heads(form, offered, asked, reader):
        yield ", ".join(p for p in (head, *rest) if p)


def _heads(form: Form, offered: Offered, asked: Said, reader: Reader) -> Iterator[str]:
    """What is measured, of what."""
    dims = asked.dims()
    groups, first = [dims[b] for b in form.by], dims[form.by[0]] if form.by else ""
    others = f" per {' and '.join(groups[1:])}" if groups[1:] else ""
    what = " ".join(p for p in (_how(form, reader), offered.name) if p)
    if form.limit and form.value is not None:
        bound = f"{_word(reader, LIMITS[form.limit])} {_number(form.value)} {_unit(asked, form.value)}".rstrip()
        yield f"{first} with {what} {bound}{others}" if groups else f"{what} {bound}"
    elif form.rank and groups:
        count = f" {_number(form.n)}" if form.n is not None else ""
        word = {"most": "top", "least": "lowest"}.get(form.rank, form.rank)
        yield f"{word}{count} {first} by {what}{others}"
        yield f"{word}{count} {first} with the {'fewest' if form.rank == 'least' else 'most'} {what}{others}"
    elif groups:
        yield f"{what} per {' and '.join(groups)}"
    else:
        yield f"list {what}" if form.show else f"number of {what}" if offered.term.counted else what


def _how(form: Form, reader: Reader) -> str:
    return reader.lexicon.aggregates[HOW[form.how]][0] if form.how else ""


def _word(reader: Reader, role: str) -> str:
    """A plain word of a role: the comparison signs are the same in all languages."""
    words: tuple[str, ...] = getattr(reader.lexicon.words, role)
    return next((w for w in words if not w.isascii() or not w[0].isalpha()), words[0])


def _number(value: float) -> str:
    return f"{value:g}"


def _unit(asked: Said, value: float) -> str:
    """The unit that stands behind a number of the question."""
    at = next((n for n, w in enumerate(asked.words) if w.number == value and not asked.taken[n]), None)
    behind = [] if at is None else [p for p in asked.outer if p.start == at + 1 and p.sense("unit")]
    return behind[0].text if behind else ""


def _holds(form: Form, offered: Offered, reading: Reading, reader: Reader) -> None:
    """The reader may have read its own words as something else than what they were made for."""
    scope, meant = reading.scope, offered.quantity
    same = any(
        q.dataset == meant.dataset and q.recipe == meant.recipe and (q.field == meant.field or offered.term.counted)
        for q in scope.measures
    )
    if not same and scope.dataset != meant.dataset:
        raise FormError(f"'{offered.name}' cannot be asked for in this way")
    told = {*scope.by, *scope.count_of.split(","), *scope.fields}
    for name in form.by:
        if not told & set(reader.lexicon.dimensions[name].fields):
            raise FormError(f"'{offered.name}' cannot be told per {name}")


def _says_all(asked: Said, again: Said, offered: Offered, reader: Reader) -> None:
    """The sentence says every word of the question, and the question speaks of the measure. Raises FormError."""
    dataset = offered.term.dataset
    reach = reachable(reader.catalog, dataset)
    meant = {key(s) for p in again.phrases for s in p.senses if fits(s, dataset, reach)}
    lost, named = [], False
    for n, word in enumerate(asked.words):
        senses = [s for p in asked.at(n) for s in p.senses]
        if asked.taken[n]:
            continue
        shared = {s.role for s in senses if key(s) in meant}
        named = named or bool(shared & {"measure", "thing", "qualifier"}) or _named_by_unit(senses, offered)
        roles = {s.role for s in senses}
        if shared or roles & {"soft"} or (roles and roles <= _FREE) or again.names_one_of(senses):
            continue
        if word.number is None or word.number not in again.numbers:
            lost.append(word.text)
    if lost:
        raise FormError(f"the form leaves out {', '.join(repr(w) for w in lost)}")
    if not named:
        raise FormError(f"the question does not speak of '{offered.name}'")


def _named_by_unit(senses: list[Sense], offered: Offered) -> bool:
    """'hotter than 85 C': the unit of a bound names the measure."""
    meant = offered.quantity
    return any(s.role == "unit" and BY_UNIT.get(s.name, {}).get(meant.dataset) == meant.field for s in senses)
