"""The lexicon: which words mean which measure, thing, condition, dimension or value. Data in `config/lexicon/*.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from llo11ypop.catalog import Catalog
from llo11ypop.catalog.models import Part
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import Located, load_located, validate
from llo11ypop.language.intent import Intent
from llo11ypop.query.plan import Duration, Plan

Better = Literal["higher", "lower", "neither"]


class Qualifier(Part):
    """A condition that a word puts on a thing: 'failed' jobs, 'drained' nodes."""

    words: tuple[str, ...]
    where: str
    label: str = ""
    definition: str = ""
    better: Better = "neither"
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
    recipe: str = ""
    """How it is counted when a plain count would be wrong."""
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
    rank: str = ""
    """'top' or 'bottom' where the word also ranks: 'hottest'."""
    fixed: bool = False
    """The aggregate belongs to the measure: 'median queue wait'."""
    proxy: str = ""
    """What is near to it where the field is not exported."""


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
    gauge: bool = False
    """Not used."""


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
    ascending: bool = False
    buckets: bool = False
    """Whether it can be split over time."""


class IntentWords(Part):
    """Patterns over the normalised question that call for an investigation."""

    intent: Intent
    any: tuple[str, ...]
    none: tuple[str, ...] = ()
    measure: str = ""
    """What it is about when the question names no measure."""
    window: Duration | None = None


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


@dataclass(frozen=True)
class Lexicon:
    """All files together."""

    words: Words
    aggregates: Mapping[str, tuple[str, ...]]
    buckets: Mapping[str, tuple[str, ...]]
    units: Mapping[str, tuple[str, ...]]
    dimensions: Mapping[str, Dimension]
    things: Mapping[str, Thing]
    measures: Mapping[str, MeasureWords]
    fields: Mapping[str, FieldWords]
    values: Mapping[str, Mapping[str, tuple[str, ...]]]
    denominators: Mapping[str, Denominator]
    recipes: Mapping[str, Recipe]
    intents: tuple[IntentWords, ...]
    normal: Mapping[str, Normal]
    absent: Mapping[str, tuple[str, ...]]
    verified: Mapping[str, VerifiedQuestion] = field(default_factory=dict)

    def knows(self, word: str) -> bool:
        """Whether any entry of the lexicon has this word (lower case)."""
        return word in self.vocabulary()

    def vocabulary(self) -> frozenset[str]:
        """Every single word of every phrase."""
        return _vocabulary(self)


_VOCABULARY: dict[int, frozenset[str]] = {}


def _vocabulary(lexicon: Lexicon) -> frozenset[str]:
    if id(lexicon) not in _VOCABULARY:
        groups: list[tuple[str, ...]] = [tuple(p) for p in lexicon.words.model_dump().values()]
        groups += [*lexicon.aggregates.values(), *lexicon.buckets.values(), *lexicon.units.values(), *lexicon.absent.values()]
        groups += [*(d.words for d in lexicon.dimensions.values()), *(t.words for t in lexicon.things.values())]
        groups += [*(m.words for m in lexicon.measures.values()), *(f.words for f in lexicon.fields.values())]
        groups += [d.words for d in lexicon.denominators.values()]
        groups += [q.words for t in lexicon.things.values() for q in t.qualifiers.values()]
        groups += [w for by in lexicon.values.values() for w in by.values()]
        _VOCABULARY[id(lexicon)] = frozenset(word for group in groups for phrase in group for word in phrase.lower().split())
    return _VOCABULARY[id(lexicon)]


_MERGED = ("aggregates", "buckets", "units", "dimensions", "things", "measures", "fields", "values", "denominators", "recipes",
           "normal", "absent")  # fmt: skip


def load_lexicon(config_dir: Path, catalog: Catalog | None = None) -> Lexicon:
    """The lexicon below a configuration folder, and the verified questions beside it.

    Raises ConfigError with file and line of the first mistake; names are held against the catalog when one is given.
    """
    folder = config_dir / "lexicon"
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise ConfigError(f"{folder}: no lexicon files here", next_step="point --config at a folder that holds lexicon/")
    merged: dict[str, dict[str, Any]] = {name: {} for name in _MERGED}
    words: dict[str, tuple[str, ...]] = {}
    intents: tuple[IntentWords, ...] = ()
    fatal = _fatal_xids(config_dir / "xid.yaml")
    for path in paths:
        document = _read(path, fatal)
        file = validate(LexiconFile, document)
        for name in _MERGED:
            for key, value in getattr(file, name).items():
                if key in merged[name]:
                    raise document.error(f"{name}: '{key}' is given in another file too", (name, key))
                merged[name][key] = value
        for role, phrases in file.words.model_dump().items():
            words[role] = (*words.get(role, ()), *phrases)
        intents += file.intents
        if catalog is not None:
            _check(file, document, catalog)
    return Lexicon(Words(**words), intents=intents, verified=_verified(config_dir / "questions.yaml", fatal), **merged)


def _read(path: Path, fatal: str) -> Located:
    try:
        return load_located(path.read_text(encoding="utf-8").replace("${xid.fatal}", fatal), str(path))
    except (OSError, UnicodeDecodeError) as bad:
        raise ConfigError(f"{path}:1: cannot read the file: {bad}") from bad


def _fatal_xids(path: Path) -> str:
    """The XIDs in use that NVSentinel's chart calls fatal, as '(48, 62, …)'; '(-1)' where there is no table."""
    if not path.exists():
        return "(-1)"
    table = load_located(path.read_text(encoding="utf-8"), str(path)).value
    codes = [r["code"] for r in table.get("xid", []) if r.get("nvsentinel_fatal") and r.get("kind") not in ("unused", "unmapped")]
    return f"({', '.join(str(c) for c in codes)})"


def _verified(path: Path, fatal: str) -> dict[str, VerifiedQuestion]:
    if not path.exists():
        return {}
    document = _read(path, fatal)
    file = validate(VerifiedFile, document)
    for name, verified in file.questions.items():
        try:
            Plan.model_validate(filled(verified.plan, "1d"))
        except ValueError as bad:
            reason = str(bad).splitlines()
            raise document.error(f"plan: {reason[-1].strip()}", ("questions", name, "plan")) from bad
    return dict(file.questions)


def filled(plan: Any, window: Any) -> Any:
    """A plan template with its `$window` replaced."""
    if plan == "$window":
        return window
    if isinstance(plan, dict):
        return {k: filled(v, window) for k, v in plan.items()}
    return [filled(v, window) for v in plan] if isinstance(plan, list) else plan


def _check(file: LexiconFile, document: Located, catalog: Catalog) -> None:
    """Datasets and fields that the lexicon names must be in the catalog."""
    for section in ("things", "measures", "denominators", "recipes"):
        for name, entry in getattr(file, section).items():
            if entry.dataset not in catalog.datasets:
                raise document.error(f"dataset '{entry.dataset}' is not in the catalog", (section, name, "dataset"))
    for name in file.fields:
        dataset, _, column = name.partition(".")
        if dataset not in catalog.datasets or column not in catalog.datasets[dataset].fields:
            raise document.error(f"'{name}' is not a dataset.field of the catalog", ("fields", name))
    known = {f for d in catalog.datasets.values() for f in d.fields}
    for name, dimension in file.dimensions.items():
        for column in dimension.fields:
            if column not in known:
                raise document.error(f"no dataset has a field '{column}'", ("dimensions", name, "fields"))
    for name, thing in file.things.items():
        reach = catalog.reachable(thing.dataset)
        for column in (*thing.key, *thing.columns):
            if column not in reach:
                raise document.error(f"'{thing.dataset}' does not reach a field '{column}'", ("things", name))
