"""The kinds of nothing, each with its own words: not exported, not read, no data, zero, not applicable, does not exist."""

from collections.abc import Sequence

from llo11ypop.ask.shape import Shape
from llo11ypop.ask.wording import capital, headline, low, when
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.core.question import Result, Status
from llo11ypop.language.binding import Sentence
from llo11ypop.language.figures import listed
from llo11ypop.language.intent import Intent
from llo11ypop.language.reading import Reading

_COUNTS = frozenset({"count", "count_distinct", "sum", "increase"})


def worded(reading: Reading, result: Result) -> tuple[Status, Sentence] | None:
    """(status, sentence) where the rows hold nothing; none where they hold something."""
    shape = Shape(result)
    if any(e.status is EvidenceStatus.UNREAD for e in result.evidence) and not shape.count:
        return Status.FAILED, Sentence(unread(reading, result.evidence))
    missing = missing_of(result.evidence)
    if missing and not shape.count:
        return Status.NO_DATA, Sentence(not_exported(reading, missing))
    if any(e.status is EvidenceStatus.NO_DATA for e in result.evidence) and (not shape.count or _blank(shape)):
        return Status.NO_DATA, Sentence(no_data(reading, result.evidence))
    if shape.empty_measures():
        return Status.NO_DATA, Sentence(not_applicable(reading, shape))
    if not shape.count:
        return Status.ANSWERED, Sentence(zero(reading, result))
    return None


def missing_of(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """What this fleet does not export of what was asked for."""
    return tuple(sorted({m for e in evidence if e.status is EvidenceStatus.NOT_EXPORTED for m in e.missing}))


def not_exported(reading: Reading, missing: Sequence[str]) -> str:
    """The fleet's exporters leave it out: neither zero nor a fault."""
    what = listed([f"{m.partition('.')[2]} of {m.partition('.')[0]}" if "." in m else m for m in missing], 4)
    return f"Not exported: this fleet does not send {what}, so {about(reading)} cannot be told. That is neither zero nor a fault."


def unread(reading: Reading, evidence: Sequence[Evidence]) -> str:
    """Nobody could look: what the store cannot say, or why it did not answer."""
    reasons = listed(dict.fromkeys(e.note for e in evidence if e.status is EvidenceStatus.UNREAD), 2)
    return f"Not read: {reasons}; so {about(reading)} is unknown. That is neither zero nor silence."


def no_data(reading: Reading, evidence: Sequence[Evidence]) -> str:
    """Rows should be there and are not: silence."""
    silent = [q for e in evidence if e.status is EvidenceStatus.NO_DATA for q in (x.dataset for x in e.queries)]
    named = listed(dict.fromkeys(silent), 4) or "the telemetry asked for"
    return f"No data: nothing arrived from {named}{when(reading)}, so {about(reading)} is unknown. That is silence, not zero."


def not_applicable(reading: Reading, shape: Shape) -> str:
    """There are things, but none of them has such a reading."""
    label = low(shape.measures[0].label)
    whose = f" for {_narrowed(reading)}" if _narrowed(reading) else ""
    of = f"no reading of {label} exists{whose}{when(reading)}"
    return f"Not applicable: {of}; nothing asked about has such a sensor, which is not zero."


def zero(reading: Reading, result: Result) -> str:
    """The data was there and nothing matched: a true zero."""
    what = capital(about(reading))
    if reading.intent in (Intent.LIST, Intent.BREAKDOWN) or not _counts(reading):
        return f"None: nothing matches {low(what)}{when(reading)}. The telemetry was there, so this is a true zero."
    column = next((c for c in result.columns if c.role == "measure"), None)
    label = headline(reading, column) if column else what
    return f"{label}: 0{when(reading)}. The telemetry was there, so this is a true zero."


def about(reading: Reading) -> str:
    """What was asked about, in the reader's words and without its window."""
    labels = [m.label for m in reading.scope.measures]
    said = low(listed(labels, 3)) if labels else low(reading.title or reading.text or "this")
    narrowed = _narrowed(reading)
    return f"{said} ({narrowed})" if narrowed else said


def _narrowed(reading: Reading) -> str:
    return listed([c.words for c in reading.scope.filters if c.words], 3)


def _counts(reading: Reading) -> bool:
    return all(m.agg in _COUNTS for m in reading.scope.measures)


def _blank(shape: Shape) -> bool:
    return all(not v for c in shape.measures for v in shape.values(c))
