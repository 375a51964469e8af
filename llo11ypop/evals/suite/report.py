"""A run as JSON and as the table a person reads."""

from collections.abc import Sequence
from typing import Any

import yaml

from llo11ypop.evals.suite.metrics import BARS, below, figures
from llo11ypop.evals.suite.paired import Comparison
from llo11ypop.evals.suite.record import Record

Json = dict[str, Any]


def as_json(records: Sequence[Record], judge_pairs: Sequence[bool], compared: Comparison | None) -> Json:
    """Everything `eval --json` prints: figures, the comparison, and every record for the next comparison."""
    return {
        **figures(records, judge_pairs),
        "compared": compared.to_json() if compared else None,
        "records": [r.to_json() for r in records],
    }


LINES = (
    ("execution_accuracy", "Execution accuracy"), ("silent_wrong", "Silently wrong"), ("asked_back", "Asked back"),
    ("declined", "Declined though answerable"), ("score", "Score (+1/−4/0/−1)"), ("groundedness", "Groundedness"),
    ("abstention", "Abstention on missing data"), ("refusal_recall", "Refusal recall"), ("false_refusals", "False refusals"),
    ("routing_accuracy", "Routing accuracy"), ("paraphrase_stability", "Paraphrase stability"),
    ("paraphrase_accuracy", "Accuracy in other words"), ("paraphrase_silent_wrong", "Silently wrong in other words"),
    ("judge_agreement", "Judge agreement"),
)  # fmt: skip
COLUMNS = (
    ("cases", 7), ("passed", 8), ("execution_accuracy", 10), ("silent_wrong", 8), ("asked_back", 8), ("declined", 10),
    ("groundedness", 10), ("abstention", 10), ("refusal_recall", 9), ("false_refusals", 8), ("routing_accuracy", 9),
    ("paraphrase_stability", 8),
)  # fmt: skip
HEADS = (
    "cases", "passed", "accuracy", "silent", "asked", "declined", "grounded", "abstains", "refuses", "falsely", "routing",
    "stable",
)  # fmt: skip


def text(result: Json, *, problems: int = 40) -> str:
    """The figures, the tables per level, analyst, agent and fleet, and the first problems."""
    bars = {name: f"{way} {bar:g}" for name, way, bar in BARS}
    lines = [
        f"{result['passed']} of {result['cases']} cases passed ({result['distinct_cases']} different ones); "
        f"{result['harness_errors']} harness errors, {result['not_applicable']} not applicable to their fleet"
    ]
    lines += [f"{label:<32}{shown(result[key]):>9}  {bars.get(key, '')}".rstrip() for key, label in LINES]
    lines.append(f"{'Latency p50, p95':<32}{seconds(result['latency_p50_s']):>9}  {seconds(result['latency_p95_s'])}")
    for name in ("per_level", "per_analyst", "per_agent", "per_fleet"):
        if result[name]:
            lines += [
                "",
                f"{name.replace('_', ' '):<16}" + "".join(f"{h:>{w}}" for h, (_, w) in zip(HEADS, COLUMNS, strict=True)),
            ]
            lines += [f"{key:<16}" + "".join(f"{cell(row[k]):>{w}}" for k, w in COLUMNS) for key, row in result[name].items()]
    lines += ["", *_compared(result["compared"])] if result["compared"] else []
    found = [line for r in result["records"] for line in _problems(r)]
    lines += ["", *found[:problems]] if found else []
    lines += [f"… and {len(found) - problems} more lines (see --json or --html)"] if len(found) > problems else []
    missed = below(result)
    lines += ["", *(f"below the bar: {m}" for m in missed)] if missed else []
    return "\n".join(lines)


def _problems(record: Json) -> list[str]:
    name = f"{record['id']} ({record['fleet']})"
    if record["error"]:
        return [f"harness: {name}: {record['error']}"]
    turns = [f"{name}: {t['question'][:80]!r}: {p}" for t in record["turns"] for p in t["problems"]]
    others = [
        f"{name}: in other words {p['question'][:80]!r}: {p['problems'][0] if p['problems'] else 'other rows than the question'}"
        for p in record["paraphrases"]
        if not p["same"] or not p["passed"]
    ]
    return turns + others


def _compared(found: Json) -> list[str]:
    lines = [
        f"Against the earlier run, on {found['both']} cases of both: {len(found['repaired'])} repaired, {len(found['broken'])} "
        f"broken, McNemar exact p = {found['p_value']:.3g}{': worse beyond chance' if found['worse'] else ''}"
    ]
    return lines + [f"  broken: {b}" for b in found["broken"][:20]]


def shown(value: float | None) -> str:
    """A share in per cent; a dash where nothing of the kind was asked."""
    return "–" if value is None else f"{100 * value:.1f} %"


def cell(value: int | float | None) -> str:
    """A count as it is, a share in per cent."""
    return str(value) if isinstance(value, int) else shown(value)


def seconds(value: float | None) -> str:
    """Milliseconds below a second."""
    return "–" if value is None else f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"


def failing(records: Sequence[Record]) -> str:
    """The cases that fail somewhere, with their first problem, as YAML."""
    found: dict[str, str] = {}
    for record in records:
        if record.judged and not record.passed:
            problems = [p for t in record.turns for p in t.problems] or ["not the same each time"]
            found.setdefault(record.id, " ".join(problems[0].split())[:160])
    head = "# Cases that are not right yet on the small fleets of the tests: id → why. An empty list is the aim.\n"
    return head + yaml.safe_dump(dict(sorted(found.items())), allow_unicode=True, width=1000)
