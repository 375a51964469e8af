"""The lexicon: which words mean which measure, thing, condition, dimension or value. Data in `config/lexicon/*.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llo11ypop.catalog import Catalog
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import Located, load_located, validate
from llo11ypop.language.entries import (
    Denominator,
    Dimension,
    FieldWords,
    IntentWords,
    LexiconFile,
    MeasureWords,
    Normal,
    Recipe,
    Saying,
    Thing,
    VerifiedFile,
    VerifiedQuestion,
    Words,
)
from llo11ypop.query.plan import Plan


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
    sayings: tuple[Saying, ...] = ()

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
    sayings: tuple[Saying, ...] = ()
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
        sayings += file.sayings
        if catalog is not None:
            _check(file, document, catalog)
    return Lexicon(
        Words(**words), intents=intents, sayings=sayings, verified=_verified(config_dir / "questions.yaml", fatal), **merged
    )


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
