"""What the lexicon's files may hold: words with their measures, things, conditions, dimensions and values."""

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from llo11ypop.catalog.models import Part
from llo11ypop.language.intent import Intent
from llo11ypop.query.plan import Duration

Better = Literal["higher", "lower", "neither"]


class Qualifier(Part):
    """A condition that a word puts on a thing: 'failed' jobs, 'drained' nodes."""

    words: tuple[str, ...]
    where: str
    label: str = ""
    definition: str = ""
    better: Better = "neither"
    time: str = ""
    """The time of the row that a period beside the word is about, where that is not the dataset's own: 'warranty ends'."""
    state: bool = False
    """Something that is so now rather than something that happened: without a time it means the latest reading."""


class Thing(Part):
    """What can be counted and listed: jobs, tickets, fans, evictions."""

    dataset: str
    words: tuple[str, ...] = ()
    noun: str
    """Plural, for readings."""
    where: str = ""
    agg: Literal["count", "sum", "count_distinct", "increase"] = "count"
    field: str = ""
    """What is summed or counted distinct."""
    key: tuple[str, ...] = ()
    """The fields that name one."""
    columns: tuple[str, ...] = ()
    """What a list of them shows."""
    window: Duration | None = None
    """How far back a question looks that names no time."""
    qualifiers: dict[str, Qualifier] = Field(default_factory=dict)
    better: Better = "neither"
    definition: str = ""
    rate_by: str = ""
    """Denominator by which places are compared, such as '1000_gpus': a large cluster is not worse for being large."""
    duration: str = ""
    """The measure that 'how long' asks for."""
    kind: str = ""
    """The field that says of what kind one is: 'most common' ranks by it."""
    size: str = ""
    """The field that 'biggest' ranks by."""
    recipe: str = ""
    """How it is counted when a plain count would be wrong."""
    few: bool = False
    """There are so few of them that naming them without 'how many' asks for a list."""
    weak: bool = False
    """Chosen only when nothing else explains the words."""


class MeasureWords(Part):
    """A quantity with words of its own."""

    dataset: str
    words: tuple[str, ...]
    label: str
    agg: str = "avg"
    field: str = ""
    where: str = ""
    q: float | None = None
    unit: str = "1"
    better: Better = "neither"
    definition: str = ""
    recipe: str = ""
    window: Duration | None = None
    above: str = ""
    """Aggregate that 'above 85' looks at when the question names none; empty means the average."""
    below: str = ""
    entity: tuple[str, ...] = ()
    """The series that a threshold is about: ['gpu_uuid']."""
    rate_by: str = ""
    by: tuple[str, ...] = ()
    """Groups that the words bring with them: drain *reasons*."""
    each: tuple[str, ...] = ()
    """Groups where the question names none: unit costs of several part numbers make no one figure."""
    rank: str = ""
    """'top' or 'bottom' where the word also ranks: 'hottest'."""
    fixed: bool = False
    """The aggregate belongs to the measure: 'median queue wait'."""
    proxy: str = ""
    """What is near to it where the field is not exported."""
    none: bool = False
    """Zero means that there was none: packet loss."""


class FieldWords(Part):
    """More words for a field of the catalog, and how it is aggregated unless the question says."""

    words: tuple[str, ...] = ()
    agg: str = ""
    above: str = ""
    below: str = ""
    label: str = ""
    better: Better = "neither"
    entity: tuple[str, ...] = ()
    proxy: str = ""
    none: bool = False
    window: Duration | None = None


class Dimension(Part):
    """Something to group and filter by."""

    fields: tuple[str, ...]
    """Candidates; the first that a dataset has or reaches."""
    words: tuple[str, ...]
    home: str = ""
    """Dataset that counts them."""
    not_in: tuple[str, ...] = ()
    """Datasets in which the words mean something else."""
    level: str = ""
    label: str = ""
    whole: tuple[str, ...] = ()
    """The fields that name one of them where the first field alone names a kind: feed A of which rack."""


class Denominator(Part):
    """What a rate is divided by."""

    words: tuple[str, ...]
    label: str
    dataset: str
    agg: str
    field: str
    scale: float = 1.0
    days: bool = False
    """Multiplied by the days of the window: GPU-days."""
    hours: bool = False
    unit: str = "1"


class Recipe(Part):
    """A measure that needs several steps. `$window`, `$by`, `$where` and `$bucket` are filled in."""

    dataset: str
    steps: dict[str, Any]
    value: str
    label: str
    columns: dict[str, str] = Field(default_factory=dict)
    """Further columns of the result → their labels."""
    units: dict[str, str] = Field(default_factory=dict)
    dims: tuple[str, ...] = ()
    """Columns that the recipe adds to the group keys."""
    order: str = ""
    """Column by which the result is sorted, largest first, unless the question ranks."""
    definition: str = ""
    """What it means, where another recipe gives way to it."""
    ascending: bool = False
    buckets: bool = False
    """Whether it can be split over time."""
    narrow: dict[str, str] = Field(default_factory=dict)
    """Field → the recipe that is meant where the question is about such a thing: tokens per GPU of a run, not of the fleet."""


class IntentWords(Part):
    """Patterns over the normalised question that call for an investigation."""

    intent: Intent
    any: tuple[str, ...]
    none: tuple[str, ...] = ()
    measure: str = ""
    """What it is about when the question names no measure."""
    window: Duration | None = None


class Saying(Part):
    """A turn of speech and the words of the lexicon that say the same."""

    any: tuple[str, ...]
    """Patterns over the normalised question."""
    says: str
    """What stands in its place; may take groups of the pattern."""
    none: tuple[str, ...] = ()
    """Patterns with which it means something else."""


class Normal(Part):
    """The declared normal range of a field, with its source."""

    field: str
    low: float | None = None
    high: float | None = None
    source: str
    measure: str = ""
    """Measure that counts what is outside."""


class Words(Part):
    """Words with a grammatical role."""

    soft: tuple[str, ...] = ()
    chart: tuple[str, ...] = ()
    count: tuple[str, ...] = ()
    distinct: tuple[str, ...] = ()
    which: tuple[str, ...] = ()
    show: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    across: tuple[str, ...] = ()
    trend: tuple[str, ...] = ()
    share: tuple[str, ...] = ()
    ratio: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    negate: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    bottom: tuple[str, ...] = ()
    worst: tuple[str, ...] = ()
    best: tuple[str, ...] = ()
    conjunction: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    normal: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    at_least: tuple[str, ...] = ()
    at_most: tuple[str, ...] = ()
    exactly: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    rate: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    common: tuple[str, ...] = ()
    """English words that are not taken for misspelt ones; they mean nothing here."""


class LexiconFile(Part):
    """One file; every section is optional."""

    words: Words = Words()
    aggregates: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """'avg', 'p95' … → words."""
    buckets: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    units: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """UCUM code → words after a number."""
    dimensions: dict[str, Dimension] = Field(default_factory=dict)
    things: dict[str, Thing] = Field(default_factory=dict)
    measures: dict[str, MeasureWords] = Field(default_factory=dict)
    fields: dict[str, FieldWords] = Field(default_factory=dict)
    values: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)
    """Field → value (or 'prefix*', '*part*') → words."""
    denominators: dict[str, Denominator] = Field(default_factory=dict)
    recipes: dict[str, Recipe] = Field(default_factory=dict)
    intents: tuple[IntentWords, ...] = ()
    sayings: tuple[Saying, ...] = ()
    normal: dict[str, Normal] = Field(default_factory=dict)
    absent: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Field → words for values that exist elsewhere but may not here: GPU models of the market."""


class VerifiedQuestion(Part):
    """A question whose plan people have checked; `$window` stands for the time that is asked about."""

    questions: tuple[str, ...]
    title: str
    plan: dict[str, Any]
    columns: dict[str, str]
    """Column of the result → its label; columns not named here are not shown."""
    units: dict[str, str] = Field(default_factory=dict)
    definition: str = ""
    window: Duration = timedelta(days=7)
    chart: str = ""
    scalar: bool = False


class VerifiedFile(Part):
    """`config/questions.yaml`."""

    questions: dict[str, VerifiedQuestion] = Field(default_factory=dict)
