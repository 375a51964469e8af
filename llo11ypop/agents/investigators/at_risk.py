"""What is most likely to fail: a ranking by recent faults with a chance beside the base rate; never a certainty."""

import math
from collections.abc import Sequence

from llo11ypop.agents.investigators.faults import History, gpu_history, node_history
from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, measure, said
from llo11ypop.analysis.risk import Risk, rank

DEFAULT_TOP = 10
DEFAULT_DAYS = 7.0
CERTAIN_FROM = 0.1
"""Chances from here on are told in whole per cent."""
COLUMNS = (
    measure("rank"), dimension("entity", "what"), dimension("node_id", "node"), dimension("cluster"),
    measure("risk_pct", "chance of a fault", "%", "lower"), measure("base_pct", "fleet average", "%"),
    measure("faults_30d", "faults in 30 days", better="lower"), measure("faults", "faults in all", better="lower"),
    dimension("evidence"),
)  # fmt: skip


async def at_risk(inquiry: Inquiry) -> Investigated:
    """Rank GPUs (where the question asks for them) or nodes by the chance of a fault within the asked time."""
    words = inquiry.reading.question.casefold()
    gpus = "gpu" in words and "node" not in words and "cluster" not in words
    history = await (gpu_history(inquiry) if gpus else node_history(inquiry))
    days = 1.0 if "tomorrow" in words or "tonight" in words else 7.0 if "week" in words else DEFAULT_DAYS
    ranked = rank(history.events, history.day)
    rows = risk_rows(ranked[: inquiry.reading.scope.top or DEFAULT_TOP], history, days, mean_chance(ranked, days))
    inquiry.note(
        f"a chance within {days:g} days from smoothed faults since {history.begins:%Y-%m-%d}, not a prediction of any one failure"
    )
    inquiry.note("a fault is a fatal GPU event, a job lost with its node, a critical check or a repair; planned work is left out")
    if not rows or not rows[0]["faults"]:
        return inquiry.found("Nothing stands out: no fault was recorded, so all are equally at risk.", COLUMNS, rows)
    what = "GPU" if gpus else "node"
    first = rows[0]
    name = f"{first['entity']} of {first['node_id']}" if gpus else str(first["entity"])
    text = (
        f"No one can say which {what} will fail; most at risk is {name} in {first['cluster']}, {said(first['risk_pct'])} % "
        f"within {count_of(figure(days), 'day')} where the average is {said(first['base_pct'])} %."
    )
    causes = [
        Cause(str(r["entity"]), (r["risk_pct"] or 0) / 100, (str(r["evidence"]),), ("a risk, not a certainty",)) for r in rows[:3]
    ]
    return inquiry.found(text, COLUMNS, rows, causes)


def within(rate: float, days: float) -> float:
    """The chance of at least one fault in some days at a steady rate per day."""
    return -math.expm1(-rate * days)


def mean_chance(ranked: Sequence[Risk], days: float) -> float:
    """The average over all; 0 without any."""
    return sum(within(r.rate, days) for r in ranked) / len(ranked) if ranked else 0.0


def risk_rows(ranked: Sequence[Risk], history: History, days: float, base: float) -> list[Row]:
    """Ranked risks as rows."""
    rows = []
    for number, risk in enumerate(ranked, start=1):
        place = history.place[risk.node]
        rows.append(
            {
                "rank": number, "entity": risk.node, "node_id": place["node_id"], "cluster": place["cluster"],
                "risk_pct": _percent(within(risk.rate, days)), "base_pct": _percent(base),
                "faults_30d": risk.last_30, "faults": risk.total, "evidence": signs_text(history, risk.node),
            }
        )  # fmt: skip
    return rows


def _percent(chance: float) -> float | int | None:
    """A chance in per cent, no finer than it is known."""
    return figure(100 * chance, 0 if chance >= CERTAIN_FROM else 2)


def signs_text(history: History, name: str) -> str:
    """'gpu 4 h, RESET_GPU 2 h': what was seen and in how many hours."""
    signs = sorted(history.signs[name].items(), key=lambda s: (-s[1], s[0]))
    return ", ".join(f"{kind} in {hours} h" for kind, hours in signs[:4])
