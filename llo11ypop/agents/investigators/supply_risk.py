"""The most replaced parts and the supply-chain risk of each: demand during the lead time over what is there or ordered."""

from datetime import timedelta

from llo11ypop.agents.investigators.inquiry import DAY, Inquiry
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, measure, said
from llo11ypop.core.window import Window

DEFAULT_WINDOW = timedelta(days=90)
DEFAULT_TOP = 5
RECORDED = ("slurm_nodes", "parts_replacements")
"""Whose first row says since when replacements are recorded: telemetry, or the parts' own history where it is longer."""
ORDERED = 0.5
"""Worth of a part on order beside one in stock (our definition, as in the goal on supply)."""
NOTHING_THERE = 0.5
"""Stands for an empty shelf in the denominator, so that the risk stays finite (our assumption)."""
COLUMNS = (
    measure("rank"), dimension("part_no", "part"), dimension("part_type", "kind"), dimension("vendor"),
    measure("replacements", better="lower"), measure("per_week", "replacements per week", better="lower"),
    measure("stock", "in stock", better="higher"), measure("on_order", "on order"),
    measure("lead_time_days", "lead time", "d", "lower"),
    dimension("single_source", "single source"), measure("supply_risk", "supply risk", better="lower"),
)  # fmt: skip


async def supply_risk(inquiry: Inquiry) -> Investigated:
    """Rank the most replaced parts by supply risk."""
    window = inquiry.window(DEFAULT_WINDOW)
    replaced = {
        "dataset": "parts_replacements", "window": inquiry.span(window), "where": inquiry.where("parts_replacements"),
        "by": ["part_no", "part_type"], "measures": {"replacements": {"agg": "count"}, "first_at": {"agg": "min", "field": "ts"}},
    }  # fmt: skip
    stock = {
        "dataset": "supply_chain",
        "window": inquiry.span(Window(inquiry.at - timedelta(days=60), inquiry.at)),
        "by": ["part_no", "vendor"],
        "measures": {
            n: {"agg": "last", "field": n} for n in ("stock_on_hand", "on_order", "lead_time_days", "single_source", "open_rma")
        },
    }
    begins = {"window": "399d", "measures": {"first_at": {"agg": "min", "field": "ts"}}}
    since = {f"{name} begins": begins | {"dataset": name} for name in RECORDED}
    rows = await inquiry.ask({"replaced parts": replaced, "stock": stock, **since})
    if not rows["replaced parts"]:
        what = (
            "there is no record of replaced parts" if inquiry.missing("replaced parts") else "no part was replaced in this window"
        )
        return inquiry.found(f"Nothing to rank: {what}.", COLUMNS, [])
    firsts = [r["first_at"] for name in since for r in rows[name] if r["first_at"]]
    start = max(window.start, min(firsts)) if firsts else window.start
    weeks = max(1.0, (window.end - start) / (7 * DAY))
    inquiry.note(f"replacements since {start:%Y-%m-%d}, by part number")
    inquiry.note("risk = replacements a week × lead time in weeks ÷ (stock + half of what is on order)")
    inquiry.note("over 1: the shelf is empty before the next delivery, at the present pace")
    shelf = {r["part_no"]: r for r in rows["stock"]}
    most = sorted(rows["replaced parts"], key=lambda r: (-r["replacements"], r["part_no"]))[
        : inquiry.reading.scope.top or DEFAULT_TOP
    ]
    table = [_row(number, r, shelf.get(r["part_no"]), weeks) for number, r in enumerate(most, start=1)]
    known = [r for r in table if r["supply_risk"] is not None]
    worst = max(known, key=lambda r: (not (r["stock"] or r["on_order"]), r["supply_risk"], r["part_no"]), default=None)
    causes = [_cause(r) for r in sorted(known, key=lambda r: -r["supply_risk"])[:3]]
    return inquiry.found(_sentence(table, worst), COLUMNS, table, causes, confident=worst is not None)


def _row(number: int, replaced: Row, shelf: Row | None, weeks: float) -> Row:
    pace = replaced["replacements"] / weeks
    row: Row = {
        "rank": number, "part_no": replaced["part_no"], "part_type": replaced["part_type"],
        "replacements": replaced["replacements"], "per_week": figure(pace, 2),
    }  # fmt: skip
    if shelf is None or shelf["lead_time_days"] is None:
        return row
    there = (shelf["stock_on_hand"] or 0) + ORDERED * (shelf["on_order"] or 0)
    return row | {
        "vendor": shelf["vendor"], "stock": shelf["stock_on_hand"], "on_order": shelf["on_order"],
        "lead_time_days": figure(shelf["lead_time_days"]), "single_source": "yes" if shelf["single_source"] else "no",
        "supply_risk": figure(pace * shelf["lead_time_days"] / 7 / max(there, NOTHING_THERE), 2),
    }  # fmt: skip


def _cause(row: Row) -> Cause:
    there = f"{said(row['stock'])} in stock, {said(row['on_order'])} on order"
    why = f"{said(row['per_week'])} replaced a week, {there}, {count_of(row['lead_time_days'], 'day')} to deliver"
    against = () if row["single_source"] == "yes" else ("more than one vendor",)
    return Cause(f"{row['part_no']} ({row['part_type']})", round(min(1.0, (row["supply_risk"] or 0) / 3), 3), (why,), against)


def _sentence(table: list[Row], worst: Row | None) -> str:
    names = ", ".join(f"{r['part_no']} ({r['part_type']}, {said(r['replacements'])})" for r in table)
    lead = f"Most replaced: {names}"
    if worst is None:
        return f"{lead}; their supply risk is unknown, no stock is recorded."
    single = ", from a single source" if worst["single_source"] == "yes" else ""
    return (
        f"{lead}; the greatest supply risk is {worst['part_no']} ({said(worst['supply_risk'])}): "
        f"{said(worst['stock'])} in stock, {said(worst['on_order'])} on order, "
        f"{count_of(worst['lead_time_days'], 'day')} to deliver{single}."
    )
