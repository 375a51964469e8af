"""What has been understood of a question so far, before it becomes a scope."""

from dataclasses import dataclass, field

from llo11ypop.language.entries import MeasureWords, Qualifier, Thing
from llo11ypop.language.scope import Condition, Threshold


@dataclass
class Named:
    """A measure that the question names, with the aggregates it asks for."""

    name: str
    words: MeasureWords
    aggs: list[str] = field(default_factory=list)
    position: int = 0
    loose: bool = False
    """The aggregate was said with a word that also ranks: 'highest'."""


@dataclass
class Limit:
    """'more than 5', '≥ 3 times', 'above 85 °C': a comparison before it is known what is compared."""

    op: str
    value: float
    unit: str
    start: int
    end: int
    """Item positions."""
    upper: float | None = None
    """For 'between' and 'outside'."""
    attribute: str = ""
    """The field of the rows that it is about, where the words say so."""


@dataclass
class Draft:
    """Filled by `parse`; `settle` turns it into a scope."""

    dataset: str
    measures: list[Named] = field(default_factory=list)
    thing: tuple[str, Thing] | None = None
    qualifiers: list[tuple[str, Qualifier, bool, int]] = field(default_factory=list)
    """(key, qualifier, negated, item position)."""
    by: list[str] = field(default_factory=list)
    """Fields, in the order they are named."""
    grouped: list[str] = field(default_factory=list)
    """Those of `by` that a 'by', 'per' or 'each' names."""
    dims: list[str] = field(default_factory=list)
    """Names of the dimensions of `by`."""
    counted: tuple[str, ...] = ()
    """Fields whose distinct values are counted: 'how many nodes'."""
    counted_label: str = ""
    count_thing: bool = False
    count_measure: bool = False
    """'number of fans reading under …': what the measure is read from is counted."""
    bucket: str = ""
    trend: bool = False
    share: bool = False
    share_at: int = -1
    rate: bool = False
    chart: bool = False
    listing: bool = False
    rank: str = ""
    """top, bottom, worst, best."""
    top: int | None = None
    singular: bool = False
    one: bool = False
    """A thing at the head is named in the singular: 'the longest job per user'."""
    compare: bool = False
    filters: list[Condition] = field(default_factory=list)
    filter_at: list[int] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    having: list[Threshold] = field(default_factory=list)
    denominator: str = ""
    planned: bool = False
    none: bool = False
    """Those without any are asked for: 'nodes with no XID'."""
    peak: bool = False
    """The spans of time themselves are ranked: 'which day had the most …'."""
    normal: bool = False
    distinct: bool = False
    aggs: list[tuple[str, int]] = field(default_factory=list)
    """Aggregates that no measure has taken yet."""
    untaken: str = ""
    """An aggregate that is asked of a measure which has none: the median of a count."""
    entities: list[tuple[str, str]] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    """Item positions that were given a role."""
    notes: list[str] = field(default_factory=list)
    nothing: str = ""
    foreign: list[str] = field(default_factory=list)
    """Dimensions that the dataset does not have."""
    order_by_measure: bool = False
    each_thing: bool = False
    """The things themselves are ranked: 'top 10 jobs by …'."""
    head: bool = False
    """The things to list stand first: 'nodes with …'."""
    dangling: bool = False
    """A negation of which nothing is known to be left out."""
    when: bool = False
    """The time of what is asked for is asked for too: 'which run and when'."""
    periods: tuple[str, ...] = ()
    """Labels of the different periods that the question names."""
    alone: bool = False
    """A question that stands alone, not a follow-up."""
    plural_by: bool = True
