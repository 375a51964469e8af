"""The last step of a turn: text whose numbers are proved, chart, definition, freshness, follow-ups."""

import time
from collections.abc import Sequence

from llo11ypop.agents.guardrail import Guard, screen
from llo11ypop.ask.chart import chart_of
from llo11ypop.ask.followups import followups
from llo11ypop.ask.nothing import missing_of, worded
from llo11ypop.ask.site import Site
from llo11ypop.ask.wording import capital, partial_note, plainest, sentences, truncation_note
from llo11ypop.ask.work import Work
from llo11ypop.core.errors import UnknownNameError
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.question import Answer, Result, Status
from llo11ypop.language.binding import Grounds, Sentence, grounds, kept
from llo11ypop.language.figures import listed
from llo11ypop.language.intent import INVESTIGATIONS
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Scope
from llo11ypop.query.check import missing

REMOVED = "One sentence was left out: {what} could not be traced to a row."


def answer_of(work: Work, question: str, thread: str, guard: Guard) -> Answer:
    """Put the answer together. Whatever happened before, something is said."""
    status, text, notes = _said(work, question)
    reading, result = work.reading, work.result
    evidence = _unique(work.evidence)
    if reading is not None and result is not None and status is Status.ANSWERED:
        notes += [n for n in (partial_note(reading, work.at), truncation_note(result)) if n]
    answered = status is Status.ANSWERED and reading is not None and result is not None
    return Answer(
        status=status,
        text=text,
        reading=reading.text if reading else "",
        thread=thread,
        at=work.at,
        result=result,
        window=reading.window if reading else None,
        definition=definition(reading),
        freshness=work.freshness,
        evidence=evidence,
        queries=tuple(dict.fromkeys(q for e in evidence for q in e.queries)),
        chart=chart_of(reading, result, work.planned) if answered and reading and result else None,
        areas=work.areas,
        followups=_followups(work, status, guard),
        steps=tuple(work.steps),
        seconds=time.perf_counter() - work.started_s,
        notes=_notes(reading, work, notes),
    )


def _notes(reading: Reading | None, work: Work, more: Sequence[str]) -> tuple[str, ...]:
    """What was assumed, which trap applies, what is partial; nothing twice."""
    said = [*(reading.defaults if reading else ()), *work.notes, *more]
    partial = any("is not over: counted until" in n for n in said)
    return tuple(dict.fromkeys(n for n in said if not (partial and n.endswith("is not over yet"))))


def _said(work: Work, question: str) -> tuple[Status, str, list[str]]:
    """(status, text, notes) of whatever came of the turn."""
    reading, result = work.reading, work.result
    if work.status is not None or reading is None:
        return work.status or Status.FAILED, work.line or "Nothing was read; ask again.", []
    if reading.nothing:
        return Status.NO_DATA, sentence(reading.nothing), []
    if reading.clarify or reading.unknown:
        return Status.CLARIFY, sentence(reading.clarify or _unknown(reading)), []
    if result is None:
        return Status.FAILED, "Nothing was read for this question; ask again.", []
    known = _grounds(work, reading, question)
    if work.investigated is not None:
        return _found(work, reading, result, known)
    if (nothing := worded(reading, result)) is not None:
        return nothing[0], nothing[1].text, _partly_missing(result)
    good, loose = kept(sentences(reading, result), result, known)
    notes = _partly_missing(result) + ([REMOVED.format(what=listed(dict.fromkeys(loose)))] if loose else [])
    return Status.ANSWERED, _joined(good or (plainest(reading, result),)), notes


def sentence(text: str) -> str:
    """What the reader says, with a large first letter and a full stop."""
    text = " ".join(text.split())
    return capital(text) if text.endswith((".", "?", "!")) else f"{capital(text)}."


def _found(work: Work, reading: Reading, result: Result, known: Grounds) -> tuple[Status, str, list[str]]:
    """What an investigator found; its sentence is proved like any other."""
    found = work.investigated
    if found is None:
        raise ValueError("nothing was investigated")
    if absent := missing_of(result.evidence):
        work.notes.append(f"Not exported here: {listed(absent)}.")
    good, loose = kept([Sentence(found.sentence)], result, known)
    text = _joined(good) or (plainest(reading, result).text if result.rows.num_rows else "Unknown: nothing stands out.")
    notes = [*found.notes, *([REMOVED.format(what=listed(dict.fromkeys(loose)))] if loose else [])]
    silent = not result.rows.num_rows and not found.causes and bool(missing_of(result.evidence))
    return Status.NO_DATA if silent else Status.ANSWERED, text, notes


def _grounds(work: Work, reading: Reading, question: str) -> Grounds:
    found = work.investigated
    said = [reading.text, reading.definition, reading.title, *reading.defaults, *(found.notes if found else ())]
    said += [f"{c.words} {' '.join(map(str, c.values))}" for c in reading.scope.filters]
    said += [f"{level} {name}" for level, name in reading.scope.entities]
    said += [q.label for q in reading.scope.measures]
    periods = [p for p in (reading.scope.window, reading.scope.compare) if p]
    instants = [i for p in periods for i in (p.start_at, p.end_at)]
    return grounds(
        work.result,
        question=question,
        said=[*said, *(p.label for p in periods)],
        window=reading.window,
        instants=[*instants, work.at],
    )


def _partly_missing(result: Result) -> list[str]:
    absent = missing_of(result.evidence)
    return [f"Not exported here: {listed(absent)}."] if absent and result.rows.num_rows else []


def _unknown(reading: Reading) -> str:
    words = listed([f"'{w}'" for w in reading.unknown], 4)
    return f"I did not understand {words}. Say it in other words, or leave it out."


def _joined(said: Sequence[Sentence]) -> str:
    return " ".join(s.text for s in said if s.text)


def definition(reading: Reading | None) -> str:
    """What is measured and which filters apply."""
    if reading is None:
        return ""
    filters = [c.words or f"{c.field} {c.op} {', '.join(map(str, c.values))}" for c in reading.scope.filters]
    parts = [reading.definition.rstrip(". "), f"Filters: {'; '.join(filters)}" if filters else ""]
    return ". ".join(p for p in parts if p) + ("." if any(parts) else "")


def _followups(work: Work, status: Status, guard: Guard) -> tuple[str, ...]:
    site = work.site
    if site is None or status is Status.FAILED:
        return ()
    return followups(work.reading, work.result, status, lambda text, scope: answerable(text, scope, work, site, guard))


def answerable(text: str, previous: Scope | None, work: Work, site: Site, guard: Guard) -> bool:
    """Whether guard and reader would let a question through to rows that this fleet exports."""
    if not screen(text, site.known, guard).allowed:
        return False
    read = site.reader.read(text, work.at, previous)
    if read.clarify or read.nothing or read.unknown:
        return False
    if read.plan is None:
        return read.intent in INVESTIGATIONS
    try:
        return not missing(read.plan, site.catalog, site.exports)
    except UnknownNameError:
        return False


def _unique(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple({e.id: e for e in evidence}.values())
