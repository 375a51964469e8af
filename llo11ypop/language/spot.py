"""Which words of a question mean what, under one dataset at a time; the dataset that explains most wins."""

from dataclasses import dataclass, field

from llo11ypop.catalog import Catalog
from llo11ypop.language.index import PhraseIndex, Sense
from llo11ypop.language.words import Token

GRAMMAR = frozenset(
    {"soft", "chart", "count", "distinct", "which", "show", "group", "across", "trend", "share", "rate", "compare", "negate", "top", "bottom",
     "worst", "best", "conjunction", "times", "normal", "planned", "above", "below", "at_least", "at_most", "exactly", "outside", "agg",
     "bucket", "unit", "denominator"}
)  # fmt: skip
"""Roles that fit any dataset."""

_WORTH = {"measure": 4.0, "thing": 4.0, "qualifier": 3.8, "value": 3.0, "dim": 2.6, "denominator": 2.5, "absent": 2.0}
"""Points per token that a role explains; grammar gives 2, dropped words none."""
_UNEXPLAINED = -6.0
_FIRST = ("slurm_jobs", "gpu_metrics", "slurm_nodes", "gpu_events", "node_hw", "fabric_ports", "k8s_events", "tickets", "parts_replacements",
          "remediations", "syslog", "inventory_gpus", "inventory_nodes", "training_steps", "facility_env")  # fmt: skip
"""What is meant when two datasets explain the words equally well."""
BY_CLUSTER = ("provider", "region", "site", "continent", "gpu_model", "cooling", "orchestrator")
"""Fields that a cluster has, so that a filter on them can be told as clusters where a dataset knows only those."""


@dataclass(frozen=True, slots=True)
class Item:
    """A run of tokens with the meanings that fit the dataset."""

    start: int
    end: int
    """Token positions, half-open."""
    text: str
    senses: tuple[Sense, ...]
    number: float | None = None

    def sense(self, *roles: str) -> Sense | None:
        """The first meaning with one of these roles."""
        return next((s for s in self.senses if s.role in roles), None)

    def has(self, *roles: str) -> bool:
        """Whether it can have one of these roles."""
        return any(s.role in roles for s in self.senses)


@dataclass
class Spotted:
    """A question read under one dataset."""

    dataset: str
    items: list[Item]
    unknown: list[int]
    """Positions of tokens that nothing explains."""
    score: float
    firm: bool
    """Whether a measure or a thing is named, rather than only a condition."""
    ties: list["Spotted"] = field(default_factory=list)


def spot(tokens: list[Token], taken: list[bool], index: PhraseIndex, catalog: Catalog) -> Spotted | None:
    """The reading under the dataset that explains most; none when no word leads to any dataset."""
    lemmas = [t.lemma for t in tokens]
    found: list[list[tuple[int, list[Sense]]]] = [[] if taken[i] else list(index.at(lemmas, i)) for i in range(len(tokens))]
    candidates = {s.dataset for hits in found for _, senses in hits for s in senses if s.dataset and s.role in ("measure", "thing", "qualifier")}
    candidates |= {s.data.home for hits in found for _, senses in hits for s in senses if s.role == "dim" and s.data.home}
    if not candidates:
        candidates = {s.dataset for hits in found for _, senses in hits for s in senses if s.dataset and s.role == "value"}
    read = [under(dataset, tokens, taken, found, catalog) for dataset in sorted(candidates)]
    if not read:
        return None
    read.sort(key=lambda r: (-r.score, _FIRST.index(r.dataset) if r.dataset in _FIRST else 99, r.dataset))
    best = read[0]
    best.ties = [r for r in read[1:] if r.score >= best.score - 0.01]
    return best


def under(dataset: str, tokens: list[Token], taken: list[bool], found: list[list[tuple[int, list[Sense]]]], catalog: Catalog) -> Spotted:
    """The question with only the meanings that this dataset has."""
    reach = catalog.reachable(dataset)
    items: list[Item] = []
    unknown: list[int] = []
    score, firm = 0.0, False
    index = 0
    while index < len(tokens):
        if taken[index]:
            index += 1
            continue
        for length, senses in found[index]:
            if any(taken[index : index + length]):
                continue
            fitting = tuple(s for s in senses if fits(s, dataset, reach))
            if fitting:
                text = " ".join(t.text for t in tokens[index : index + length])
                items.append(Item(index, index + length, text, fitting))
                roles = {s.role for s in fitting}
                worth = max((_WORTH.get(r, 2.0) if r != "soft" else 0.0) for r in roles)
                if "soft" in roles and not roles & {"measure", "thing", "qualifier", "dim", "value"}:
                    worth = 0.0
                score += worth * length + (0.3 * (length - 1))
                named = [s for s in fitting if s.role in ("measure", "thing")]
                firm = firm or bool(named)
                index += length
                break
        else:
            if tokens[index].number is not None:
                items.append(Item(index, index + 1, tokens[index].text, (Sense("number"),), tokens[index].number))
            else:
                items.append(Item(index, index + 1, tokens[index].text, (Sense("unknown"),)))
                unknown.append(index)
                score += _UNEXPLAINED
            index += 1
    return Spotted(dataset, items, unknown, score + (1.5 if firm else 0.0), firm)


def fits(sense: Sense, dataset: str, reach: object) -> bool:
    """Whether a meaning makes sense over a dataset that reaches these fields."""
    known: dict[str, object] = reach  # type: ignore[assignment]
    match sense.role:
        case "measure" | "thing" | "qualifier":
            return sense.dataset == dataset
        case "dim":
            return any(f in known for f in sense.data.fields)
        case "value":
            if sense.dataset:
                return sense.dataset == dataset
            return sense.name in known or (sense.name in BY_CLUSTER and "cluster" in known)
        case "absent":
            return True
    return True
