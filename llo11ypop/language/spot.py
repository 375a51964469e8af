"""Which words of a question mean what, under one dataset at a time; the dataset that explains most wins."""

from dataclasses import dataclass, field

from llo11ypop.catalog import Catalog, Kind, Route
from llo11ypop.language.index import PhraseIndex, Sense
from llo11ypop.language.reach import called, reachable
from llo11ypop.language.words import Token

GRAMMAR = frozenset(
    {
        "soft",
        "chart",
        "count",
        "distinct",
        "which",
        "show",
        "group",
        "across",
        "trend",
        "share",
        "rate",
        "compare",
        "negate",
        "top",
        "bottom",
        "worst",
        "best",
        "conjunction",
        "times",
        "normal",
        "planned",
        "above",
        "below",
        "at_least",
        "at_most",
        "exactly",
        "outside",
        "when",
        "agg",
        "bucket",
        "calendar",
        "unit",
        "denominator",
    }
)
"""Roles that fit any dataset."""

_WORTH = {"measure": 4.0, "thing": 4.0, "qualifier": 3.8, "value": 3.0, "dim": 2.6, "denominator": 2.5, "absent": 2.0}
"""Points per token that a role explains; grammar gives 2, dropped words none."""
_UNEXPLAINED = -6.0
_SPAN = -2.0
"""A bare 'day' or 'hour', which only some questions can use: 'which day', not the hours of GPU-hours."""
_JOINED = 1.5
"""More for each further token of one phrase: 'switch role' is one thing, not a switch and a role."""
_FOREIGN = -4.0
"""A dimension that the dataset neither has nor reaches."""
_FIRST = (
    "slurm_jobs",
    "gpu_metrics",
    "slurm_nodes",
    "gpu_events",
    "technicians",
    "fabric_ports",
    "k8s_events",
    "tickets",
    "parts_replacements",
    "remediations",
    "syslog",
    "inventory_nodes",
    "inventory_gpus",
    "training_steps",
    "facility_env",
    "node_hw",
    "slurm_sched",
    "slurm_queue",
    "node_hw",
    "slurm_sched",
    "slurm_queue",
)
"""What is meant when two datasets explain the words equally well."""
BESIDE = {"training_steps": ("node_id",)}
"""Values that a question over a dataset may name for a recipe that looks elsewhere: the node whose replacement is asked about."""
_EACH = frozenset({"by", "per", "each", "every"})
RANKS = ("top", "bottom", "worst", "best")
_OPENS = frozenset({"which", "what", "the", "show", "list", "give", "name"})
_FIRST_FEW = frozenset({"top", "worst", "best", "bottom", "first", "busiest", "hottest"})
ATTRIBUTES = {"gpu": "gpus", "node": "nodes"}
"""Dimension → the field of a job that counts them: 'jobs with more than 64 GPUs'."""
SIZED = frozenset({"slurm_jobs", "training_runs"})
_CONTENT = frozenset({"measure", "thing", "qualifier", "dim", "value"})
BY_UNIT = {
    "Cel": {"gpu_metrics": "gpu_temp_c", "facility_env": "inlet_c", "switch_metrics": "asic_temp_c"},
    "%": {"gpu_metrics": "gpu_util_pct", "facility_env": "humidity_pct", "fs_metrics": "free_pct"},
    "W": {"gpu_metrics": "power_w", "facility_power": "power_w"},
    "kW": {"facility_power": "power_w", "gpu_metrics": "power_w"},
    "V": {"facility_power": "voltage_v"},
    "s": {"slurm_jobs": "elapsed_s", "checkpoints": "duration_s", "training_steps": "step_time_s"},
    "h": {"slurm_jobs": "elapsed_s"},
    "min": {"slurm_jobs": "elapsed_s", "checkpoints": "duration_s"},
    "d": {"slurm_jobs": "elapsed_s", "supply_chain": "lead_time_days"},
    "wk": {"supply_chain": "lead_time_days"},
    "ms": {"fs_metrics": "op_latency_ms", "net_probe": "rtt_p99_us"},
    "us": {"net_probe": "rtt_p99_us"},
    "Gbit/s": {"fabric_ports": "rate_gbps"},
    "rpm": {},
    "MHz": {"gpu_metrics": "sm_clock_mhz"},
}
"""Unit → dataset → the field meant where a threshold names a unit and no measure: GPUs above 85 °C, jobs longer than 24 h."""
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
    comma: bool = False
    """A comma stands behind it."""

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
    candidates = {
        s.dataset
        for hits in found
        for _, senses in hits
        for s in senses
        if s.dataset and s.role in ("measure", "thing", "qualifier")
    }
    homes = {s.data.home for hits in found for _, senses in hits for s in senses if s.role == "dim" and s.data.home}
    candidates |= homes
    if candidates <= homes:
        named = {f for hits in found for _, senses in hits for s in senses if s.role == "dim" for f in s.data.fields}
        candidates |= {n for n, d in catalog.datasets.items() if d.kind is Kind.DIMENSION and named & set(d.fields)}
    numbers = any(t.number is not None for t in tokens)
    candidates |= {
        d for hits in found for _, senses in hits for s in senses if s.role == "unit" and numbers for d in BY_UNIT.get(s.name, {})
    }
    normal = any(s.role == "normal" for hits in found for _, senses in hits for s in senses)
    if normal:
        candidates = candidates & {"gpu_metrics", "facility_env"} or candidates or {"gpu_metrics"}
    if not candidates:
        candidates = {s.dataset for hits in found for _, senses in hits for s in senses if s.dataset and s.role == "value"}
    read = [under(dataset, tokens, taken, found, catalog) for dataset in sorted(candidates)]
    if not read:
        return None
    read.sort(
        key=lambda r: (
            -r.score,
            bool(homes) and not r.firm and r.dataset not in homes,
            _FIRST.index(r.dataset) if r.dataset in _FIRST else 99,
            r.dataset,
        )
    )
    best = read[0]
    best.ties = [r for r in read[1:] if r.score >= best.score - 0.01]
    return best


def _is_first_few(before: str, *, ranks: bool) -> bool:
    """Whether a number behind this word says how many of a ranking: 'top 3 nodes', 'which 3 nodes had the most'."""
    return before in _FIRST_FEW or (ranks and (not before or before in _OPENS))


def under(
    dataset: str, tokens: list[Token], taken: list[bool], found: list[list[tuple[int, list[Sense]]]], catalog: Catalog
) -> Spotted:
    """The question with only the meanings that this dataset has; the way of cutting it into phrases that explains most."""
    reach = reachable(catalog, dataset)
    size = len(tokens)
    best: list[tuple[float, int, tuple[Sense, ...]]] = [(0.0, 0, ())] * (size + 1)
    ranks = any(s.role in RANKS for ways in found for _, senses in ways for s in senses)
    for at in range(size - 1, -1, -1):
        if taken[at]:
            best[at] = (best[at + 1][0], 0, ())
            continue
        rest = best[at + 1][0]
        choice: tuple[float, int, tuple[Sense, ...]]
        choice = (rest, 1, (Sense("number"),)) if tokens[at].number is not None else (rest + _UNEXPLAINED, 1, (Sense("unknown"),))
        for length, senses in found[at]:
            if any(taken[at : at + length]):
                continue
            counted = at > 0 and (tokens[at - 1].number is not None or _or_more(tokens, at))
            fitting = tuple(s for s in senses if fits(s, dataset, reach) and (counted or s.role != "unit"))
            behind = at + length < size and any(s.role == "thing" for _, others in found[at + length] for s in others)
            first = _is_first_few(tokens[at - 2].text if at > 1 else "", ranks=ranks) and not behind
            sized = (
                next((s for s in senses if s.role == "dim" and s.name in ATTRIBUTES), None)
                if counted and dataset in SIZED and not first
                else None
            )
            if sized is not None:
                fitting = (*fitting, sized)
            if length == 1 and tokens[at].text != tokens[at].lemma and any(s.role == "dim" for s in senses):
                fitting = tuple(
                    s for s in fitting if s.role != "value" or not s.dataset or str(s.data).lower() == tokens[at].text
                )
            if not fitting and at and length == 1 and len(tokens[at].text) > 1 and any(s.role == "unit" for s in senses):
                fitting = (Sense("soft"),)
            if (
                at
                and length == 1
                and tokens[at - 1].text in _EACH
                and _only_dropped(fitting)
                and any(s.role == "dim" for s in senses)
            ):
                fitting = ()
            if not fitting and any(s.role == "dim" for s in senses):
                fitting = (Sense("foreign", data=next(s.data for s in senses if s.role == "dim")),)
            if fitting:
                plain = fitting[0].role == "denominator" and fitting[0].name in ("gpu", "node", "port")
                worth = (
                    2.0 * length
                    if plain
                    else _FOREIGN
                    if fitting[0].role == "foreign"
                    else _worth(fitting, dataset) * length + _JOINED * (length - 1)
                )
                score = worth + best[at + length][0]
                if score > choice[0]:
                    choice = (score, length, fitting)
        best[at] = choice
    return _read_off(dataset, tokens, taken, best)


def _or_more(tokens: list[Token], at: int) -> bool:
    """Whether '8 or more' stands before a word."""
    before = [t.text for t in tokens[max(0, at - 2) : at]]
    return before in (["or", "more"], ["or", "fewer"], ["or", "less"]) and at > len(before) and tokens[at - 3].number is not None


def _only_dropped(senses: tuple[Sense, ...]) -> bool:
    """Whether a word would only be dropped: the run of 'by run', where a dataset knows no runs."""
    return bool(senses) and all(s.role == "soft" for s in senses)


def _worth(senses: tuple[Sense, ...], dataset: str) -> float:
    """Points of a phrase per token: its best meaning counts."""
    roles = {s.role for s in senses}
    if "soft" in roles and not roles & _CONTENT:
        return 0.0
    if roles == {"calendar"}:
        return _SPAN
    if "unit" in roles and any(dataset in BY_UNIT.get(s.name, {}) for s in senses if s.role == "unit"):
        return 2.8
    return max(_WORTH.get(r, 2.0) if r != "soft" else 0.0 for r in roles)


def _read_off(dataset: str, tokens: list[Token], taken: list[bool], best: list[tuple[float, int, tuple[Sense, ...]]]) -> Spotted:
    items: list[Item] = []
    unknown: list[int] = []
    at = 0
    while at < len(tokens):
        _, length, senses = best[at]
        if taken[at] or not length:
            at += 1
            continue
        number = tokens[at].number if senses[0].role == "number" else None
        said = " ".join(t.text for t in tokens[at : at + length])
        items.append(Item(at, at + length, said, senses, number, tokens[at + length - 1].comma))
        if senses[0].role == "unknown":
            unknown.append(at)
        at += length
    firm = any(i.has("measure", "thing") for i in items)
    return Spotted(dataset, items, unknown, best[0][0] + (1.5 if firm else 0.0), firm)


def fits(sense: Sense, dataset: str, reach: dict[str, Route]) -> bool:
    """Whether a meaning makes sense over a dataset that reaches these fields."""
    known = reach
    match sense.role:
        case "measure" | "thing" | "qualifier":
            return sense.dataset == dataset
        case "dim" if dataset in sense.data.not_in:
            return False
        case "dim":
            return any(f in known for f in sense.data.fields)
        case "value":
            if sense.dataset:
                return sense.dataset == dataset
            return (
                called(sense.name, reach) in known
                or sense.name in BESIDE.get(dataset, ())
                or (sense.name == "model_name" and "run_id" in known)
                or (sense.name in BY_CLUSTER and "cluster" in known)
            )
        case "denominator" if sense.name in ("gpu", "node", "port") and sense.data.words:
            own = {"gpu": "gpu_uuid", "node": "node_id", "port": "port_id"}[sense.name]
            return own in known or dataset not in SIZED
        case "absent":
            return True
    return True
