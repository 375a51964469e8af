"""Why a measure changed: is it beyond chance, which slices moved it, was it rate or volume, and what known cause lies there."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from llo11ypop.agents.investigators.alongside import alongside, load_or_cooling
from llo11ypop.agents.investigators.causes import cause_of, causes, explain_exclusions, lowered, places
from llo11ypop.agents.investigators.hypotheses import Scene, Suspect, hypotheses
from llo11ypop.agents.investigators.inquiry import HOUR, Inquiry
from llo11ypop.agents.investigators.losses import FAILED, TERMINAL, losses
from llo11ypop.agents.investigators.periods import ADDITIVE, FEWER, Periods, aggregate, choose_periods, read_series
from llo11ypop.agents.investigators.planned import planned_work
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.slices import moved, narrowest, read_slices, spread_of, total_of, total_z
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, measure, place, said
from llo11ypop.analysis.attribution import Slice, rate_or_volume
from llo11ypop.catalog import Kind
from llo11ypop.core.vocabulary import Severity
from llo11ypop.language.scope import Better, Quantity

FAILED_JOBS = Quantity("failed_jobs", "failed jobs", "slurm_jobs", where=FAILED, better="lower")
ON_NODES = replace(FAILED_JOBS, dataset="slurm_job_nodes", agg="count_distinct", field="job_id")
"""The same jobs where the question names nodes or racks, which `slurm_jobs` does not know."""
BEYOND_CHANCE = 2.0
"""Standard errors from which a change of the whole is called one."""
UNEVEN = 0.02
"""Part by which two periods may differ in length before it is said (our assumption)."""
MOST_SLICES = 6
MOST_CAUSES = 4
LONGEST_LABEL = 60
"""Characters of a label in a sentence; a definition is not one."""
JOBS = ("slurm_jobs", "slurm_job_nodes")
TROUBLE = "known trouble"
UNPLANNED = "without planned work"
GAUGE = "gauge_"
"""Recipes of a reading of that name: readings are averaged, never added up."""
RATE_OR_VOLUME = "rate or volume"
VOLUME = "there were more or fewer jobs"
MOSTLY = 70
"""Per cent of a change from which one of rate and volume is given as the reason (our assumption)."""
RISES = ("more", "rise", "rose", "increas", "higher", "jump", "spike", "grew", "went up")

COLUMNS = (
    dimension("what"), dimension("dimension"), dimension("value"), measure("now"), measure("before"), measure("change"),
    measure("share_of_change_pct", "share of the change", "%"), measure("z", "standard errors"), dimension("evidence"),
)  # fmt: skip


async def why(inquiry: Inquiry) -> Investigated:
    """Explain the change of a measure. Unknown when it is within chance, or when no slice and no known cause carries it."""
    quantity = _quantity(inquiry)
    if quantity.recipe and inquiry.ground.catalog.dataset(quantity.dataset).kind is not Kind.EVENT:
        inquiry.note(f"{quantity.label} is made of several readings, which no place or kind adds up to: what happened is ranked")
        return await causes(inquiry)
    series = await read_series(inquiry, quantity)
    periods = choose_periods(inquiry, series)
    if periods is None:
        inquiry.note("there is no earlier telemetry, and no change inside the window, to compare it with")
        return inquiry.found(f"Unknown: there is nothing to compare {quantity.label} with.", COLUMNS, [])
    if periods.note:
        inquiry.note(periods.note)
    by_dimension = await read_slices(inquiry, quantity, periods)
    total = total_of(by_dimension, quantity, periods)
    z = total_z(total, series, quantity, periods)
    asked_less = any(word in inquiry.reading.question.casefold() for word in FEWER)
    all_moved = moved(by_dimension, quantity, periods, spread_of(series, periods))
    named = narrowest([s for s in all_moved if (s.delta < 0) == asked_less])[:MOST_SLICES]
    scene = await hypotheses(inquiry, periods.now, within=places(inquiry), also=_peak(series, periods))
    explain_exclusions(inquiry, scene)
    suspects = _known_causes(inquiry, quantity, periods, scene)
    rows = [_row("total", "", "", now=total[0], before=total[1], z=z), *(_slice_row(s) for s in named)]
    if abs(z) >= BEYOND_CHANCE and quantity.dataset in JOBS:
        rows += await _rate_rows(inquiry, quantity, periods)
    if quantity.name == FAILED_JOBS.name and quantity.dataset in JOBS:
        unplanned = await _without_planned(inquiry, periods, scene, total)
        z = total_z(unplanned, series, quantity, periods)
        if unplanned != total:
            rows.insert(1, _row(UNPLANNED, "", "", now=unplanned[0], before=unplanned[1], z=z))
    trouble = _trouble(inquiry, scene) if quantity.dataset in JOBS and not suspects else None
    beside = await alongside(inquiry, quantity, periods, rising=z > 0) if abs(z) >= BEYOND_CHANCE else []
    rows += [_row("alongside", b.name, b.unit, now=b.now, before=b.before) for b in beside]
    rows += [_suspect_row(s, inquiry) for s in suspects]
    if trouble is not None:
        rows.append(_suspect_row(trouble, inquiry) | {"what": TROUBLE})
    if quantity.agg in ADDITIVE and abs(periods.scale - 1) > UNEVEN:
        inquiry.note("values before are scaled to a period as long as the later one")
    if abs(z) < BEYOND_CHANCE:
        inquiry.note("a change of the whole under two standard errors of such bursty values is what chance alone brings")
    inquiry.note("slices and causes coincide with the change; that is a correlation, not a proof")
    found = [*(cause_of(s) for s in suspects), *(_slice_cause(s, inquiry) for s in named[:3])]
    sure = bool(named) or (bool(suspects) and abs(z) >= BEYOND_CHANCE)
    rising = asked_rise(inquiry.reading.question, quantity.better)
    text = sentence(quantity, rows, own=periods.own, rising=rising, reason=load_or_cooling(beside))
    return inquiry.found(text, COLUMNS, rows, found, confident=sure)


def _quantity(inquiry: Inquiry) -> Quantity:
    asked = next((m for m in inquiry.reading.scope.measures if m.dataset), FAILED_JOBS)
    if asked.dataset in JOBS and (asked.recipe or asked.name == FAILED_JOBS.name):
        return FAILED_JOBS if all(inquiry.knows("slurm_jobs", f.field) for f in inquiry.reading.scope.filters) else ON_NODES
    reading = asked.recipe.removeprefix(GAUGE)
    if asked.recipe.startswith(GAUGE) and reading in inquiry.ground.catalog.dataset(asked.dataset).fields:
        asked = replace(asked, agg="avg", field=reading, recipe="")
    return asked if len(asked.label) <= LONGEST_LABEL else replace(asked, label=asked.name.replace("_", " "))


async def _rate_rows(inquiry: Inquiry, quantity: Quantity, periods: Periods) -> list[Row]:
    """Whether more jobs failed because there were more jobs or because they failed more often, over clusters."""
    measures = {
        f"{what}_{when}": aggregate(quantity) | {"where": where, "over": inquiry.span(window)}
        for what, where in (("failed", FAILED), ("ended", TERMINAL))
        for when, window in (("now", periods.now), ("before", periods.before))
    }
    span = inquiry.span(periods.outer)
    plan = {
        "dataset": quantity.dataset,
        "window": span,
        "where": inquiry.where(quantity.dataset),
        "by": ["cluster"],
        "measures": measures,
    }
    rows = (await inquiry.ask({"rate and volume": plan}))["rate and volume"]
    now, before = ({r["cluster"]: (float(r[f"failed_{w}"]), float(r[f"ended_{w}"])) for r in rows} for w in ("now", "before"))
    shifts = rate_or_volume(now, before, periods.scale)
    effects = {
        "jobs failed more or less often": sum(s.rate_effect for s in shifts),
        VOLUME: sum(s.volume_effect for s in shifts),
    }
    whole = sum(effects.values())
    text = "failed jobs against all jobs with a result, by cluster"
    return [_row(RATE_OR_VOLUME, "", name, change=e, whole=whole, evidence=text) for name, e in effects.items()]


def _peak(series: Sequence[Row], periods: Periods) -> list[datetime]:
    """When the measure was highest in the later period: a good instant to look."""
    inside = [r for r in series if r["bucket"] in periods.now and r["value"] is not None]
    return [max(inside, key=lambda r: r["value"])["bucket"] + HOUR] if inside else []


async def _without_planned(inquiry: Inquiry, periods: Periods, scene: Scene, total: tuple[float, float]) -> tuple[float, float]:
    """(now, before) of failed jobs without those on nodes under planned work at the time."""
    earlier, calendar = await losses(inquiry, periods.before), await planned_work(inquiry, periods.before)
    now = sum(scene.calendar.on_nodes(job.nodes, job.end_at) is not None for job in scene.lost.jobs)
    before = sum(calendar.on_nodes(job.nodes, job.end_at) is not None for job in earlier.jobs) * periods.scale
    if now or before:
        inquiry.note(
            f"failed jobs on nodes under planned work: {before:.0f} before, {now} now; "
            "whether the change is beyond chance is judged without them, the slices are with them"
        )
    return max(0.0, total[0] - now), max(0.0, total[1] - before)


def _known_causes(inquiry: Inquiry, quantity: Quantity, periods: Periods, scene: Scene) -> list[Suspect]:
    """Playbook hypotheses that began in the later period and bear on the measure."""
    book = inquiry.ground.playbooks
    middle = periods.before.start + (periods.before.end - periods.before.start) / 2
    began = [s for s in scene.suspects if not s.older or s.since >= middle]
    if quantity.dataset in JOBS:
        return [s for s in began if s.costly][:MOST_CAUSES]
    reads = [s for s in began if any(quantity.dataset == signal.dataset for signal in book[s.mode].signals.values())]
    return reads[:MOST_CAUSES]


def _trouble(inquiry: Inquiry, scene: Scene) -> Suspect | None:
    """The first serious thing that began in the later period, though jobs failed there no more than by chance."""
    serious = (Severity.S1, Severity.S2)
    began = [s for s in scene.suspects if not s.older and inquiry.ground.playbooks[s.mode].severity in serious]
    return max(began, key=lambda s: s.lost_jobs, default=None)


def _row(
    what: str,
    name: str,
    value: str,
    *,
    now: float | None = None,
    before: float | None = None,
    change: float | None = None,
    z: float | None = None,
    whole: float = 0.0,
    evidence: str = "",
) -> Row:
    delta = now - before if now is not None and before is not None else change
    share = 100 * delta / whole if whole and delta is not None else None
    return {
        "what": what, "dimension": name, "value": value, "now": figure(now), "before": figure(before), "change": figure(delta),
        "share_of_change_pct": figure(share, 0), "z": figure(z), "evidence": evidence,
    }  # fmt: skip


def _slice_row(part: Slice) -> Row:
    made = _row("slice", part.dimension.replace("_", " "), part.value, now=part.now, before=part.before, z=part.z)
    return made | {"share_of_change_pct": figure(100 * part.power, 0)}


def _suspect_row(s: Suspect, inquiry: Inquiry) -> Row:
    where = place(s.entity, inquiry.ground.topology)
    lines = "; ".join(s.lines[:2])
    return _row("known cause", lowered(s.title), where, now=s.failed_jobs, before=s.expected_jobs, evidence=lines)


def _slice_cause(part: Slice, inquiry: Inquiry) -> Cause:
    for_ = (f"{part.value} went from {part.before:.1f} to {part.now:.1f}, {part.power:.0%} of the change",)
    score = round(min(1.0, max(0.0, part.power)) * 0.5, 3)
    return Cause(
        f"{part.dimension} {part.value}", score, for_, ("says where it changed, not why",), inquiry.ids(f"by {part.dimension}")
    )


def asked_rise(question: str, better: Better = "neither") -> bool | None:
    """Whether a question takes for granted that something rose, or that it fell; None where it does neither."""
    words = question.casefold()
    worse = "worse" in words
    rose = any(w in words for w in RISES) or (worse and better == "lower")
    fell = any(w in words for w in FEWER) or (worse and better == "higher")
    return None if rose is fell else rose


def sentence(quantity: Quantity, rows: Sequence[Row], *, own: str = "", rising: bool | None = None, reason: str = "") -> str:
    """What became of the whole, judged without planned work; the slice that moved most and a known cause, where there are.

    `own`: the parts of the window that are compared where nothing was recorded before it; `rising`: what the question assumes;
    `reason`: what moved with the measure and bears on it.
    """
    total, label = rows[0], quantity.label if own else f"{quantity.label[:1].upper()}{quantity.label[1:]}"
    judged = next((r for r in rows if r["what"] == UNPLANNED), total)
    beyond = abs(judged["z"] or 0) >= BEYOND_CHANCE
    rose = (judged["change"] or 0) >= 0
    way = ("rose" if rose else "fell") if beyond else "went"
    lead = f"Nothing was recorded before; {own} compared, " if own else ""
    if rising is not None and rising is not rose:
        otherwise = "not more" if rising else "not less"
        lead = f"It is {'the other way round' if beyond else otherwise}. {lead}"
    parts = [f"{lead}{label} {way} from {said(total['before'])} to {said(total['now'])}"]
    if judged is not total:
        parts[0] += f", without those under planned work from {said(judged['before'])} to {said(judged['now'])}"
    if not beyond:
        parts[0] += f", within what chance alone brings ({said(judged['z'])} standard errors)"
    mostly = _rate_or_volume(rows) if beyond else ""
    parts += [text for text in (mostly, reason) if text]
    named = next((r for r in rows if r["what"] == "slice"), None)
    if named is not None:
        what = f"{named['dimension']} {named['value']}"
        parts.append(f"what moved most is {what}, from {said(named['before'])} to {said(named['now'])}")
    known = next((r for r in rows if r["what"] == "known cause"), None)
    if known is not None:
        parts.append(_meanwhile(known, total, jobs=quantity.dataset in JOBS, beyond=beyond))
    if named is None and known is None:
        carried = "no slice and no known failure carries it"
        unknown = carried if mostly or reason else f"the cause is unknown: {carried}"
        parts.append(unknown if beyond else "nothing stands out")
    trouble = next((r for r in rows if r["what"] == TROUBLE), None)
    if trouble is not None:
        there = f"{said(trouble['now'])} failed there, {said(trouble['before'])} by chance"
        parts.append(
            f"known trouble meanwhile, which does not account for it: {trouble['dimension']} on {trouble['value']} ({there})"
        )
    return "; ".join(parts) + "."


def _meanwhile(known: Row, total: Row, *, jobs: bool, beyond: bool) -> str:
    """The known cause, with its part of the whole: a change within chance has none."""
    failed = count_of(known["now"], "failed job") if known["now"] else ""
    if jobs and failed:
        failed = f"{said(known['now'])} of the {count_of(total['now'], 'failed job')}"
    cost = f", with {failed} where {said(known['before'])} were to be expected" if failed else ""
    lead = "at the same time" if beyond else "the largest known failure meanwhile"
    return f"{lead}: {known['dimension']} on {known['value']}{cost}"


def _rate_or_volume(rows: Sequence[Row]) -> str:
    """'mostly because there were fewer jobs', where one of the two carries the change."""
    row = next((r for r in rows if r["what"] == RATE_OR_VOLUME and (r["share_of_change_pct"] or 0) >= MOSTLY), None)
    if row is None:
        return ""
    up = (row["change"] or 0) >= 0
    if row["value"] == VOLUME:
        return f"mostly because there were {'more' if up else 'fewer'} jobs"
    return f"mostly because jobs failed {'more' if up else 'less'} often"
