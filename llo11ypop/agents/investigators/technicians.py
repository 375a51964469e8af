"""Who should see to the things most at risk: ranking × skill × site × shift × load. A proposal; nothing is assigned."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from llo11ypop.agents.investigators.at_risk import mean_chance, signs_text, within
from llo11ypop.agents.investigators.faults import History, node_history
from llo11ypop.agents.investigators.inquiry import Inquiry
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, measure, said
from llo11ypop.analysis.risk import Risk, rank

DEFAULT_SHARE_PCT = 5.0
DAYS = 7.0
"""Days ahead that a risk is stated for: a week of work."""
SKILL_OF = {
    "gpu": "hgx_board", "nvidia_smi": "hgx_board", "dcgm_diag": "hgx_board", "RESET_GPU": "hgx_board", "RMA": "hgx_board",
    "DIAG": "hgx_board", "ib_link": "optics", "disk": "storage", "dstate": "storage", "prolog": "slurm", "epilog": "slurm",
    "jobs": "slurm", "REBOOT": "hgx_board", "TECH": "hgx_board", "psu": "psu", "fan": "psu",
}  # fmt: skip
"""Sign of trouble → skill that resolves it (our assumption; fans are chassis work, which power technicians do)."""
NEAR_SKILL = {"optics": "network", "network": "optics", "hgx_board": "psu", "psu": "hgx_board"}
"""What a person with another skill can do next best (our assumption)."""
WEIGHTS = {"skill": 0.45, "near skill": 0.2, "home": 0.25, "travel": 0.1, "on shift": 0.15, "next day": 0.08, "level": 0.05}
"""Parts of the match (our assumption): skill before site before shift before level."""
LOAD = 0.08
"""Taken off per open ticket, those proposed here included (our assumption)."""
SOON = timedelta(days=2)
"""Who began a shift so recently works these days (our assumption: the plan of future shifts is not read)."""
COLUMNS = (
    measure("rank"), dimension("node_id", "node"), dimension("cluster"), dimension("site"),
    measure("risk_pct", "chance of a fault in 7 days", "%", "lower"), dimension("evidence"), dimension("skill", "skill needed"),
    dimension("technician_id", "technician"), dimension("has_skill", "has the skill"), dimension("from_site", "home site"),
    dimension("shift"), measure("open_tickets", "open tickets"), measure("match", "match, 0 to 1"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """A technician and when he or she works."""

    id: str
    site: str
    skills: frozenset[str]
    travels: frozenset[str]
    level: int
    open_tickets: int
    shift: str
    """'now', 'these days' or 'none known'."""


async def technicians(inquiry: Inquiry) -> Investigated:
    """Match technicians with the share of nodes most at risk; every cluster is examined."""
    history = await node_history(inquiry)
    people = await _people(inquiry)
    hardware = await _hardware(inquiry)
    ranked = rank(history.events, history.day)
    share = share_pct(inquiry.reading.question)
    exact = len(ranked) * share / 100
    count = min(len(ranked), math.ceil(round(exact, 6)))
    inquiry.note(f"{share:g} % of {count_of(len(ranked), 'node')} is {exact:g}, rounded up to {count}")
    inquiry.note("examined: " + _by_cluster(history))
    inquiry.note("a proposal: nobody was assigned and no ticket was written")
    rows, load = [], {p.id: p.open_tickets for p in people}
    for number, risk in enumerate(ranked[:count], start=1):
        rows.append(_assign(number, risk, history, hardware.get(risk.node, {}), people, load))
    if not people:
        inquiry.note("no technicians are listed here" + (" (not exported)" if inquiry.missing("technicians") else ""))
    causes = [Cause(str(r["node_id"]), (r["risk_pct"] or 0) / 100, (str(r["evidence"]),)) for r in rows[:5]]
    inquiry.note(f"the average node's chance of a fault in {DAYS:g} days is {100 * mean_chance(ranked, DAYS):.1f} %")
    return inquiry.found(_sentence(rows, share), COLUMNS, rows, causes, confident=bool(people) and bool(rows))


def share_pct(question: str) -> float:
    """The share that a question names, '5 %' or '5 percent'; 5 where it names none."""
    found = re.search(r"(\d+(?:\.\d+)?)\s*(?:%|per ?cent)", question.casefold())
    return min(100.0, float(found.group(1))) if found else DEFAULT_SHARE_PCT


async def _people(inquiry: Inquiry) -> list[Person]:
    """Everybody, with the shift at the instant or these days."""
    who: dict[str, Any] = {
        "dataset": "technicians", "measures": {"n": {"agg": "count"}},
        "by": ["technician_id", "site", "skills", "skill_level", "open_tickets", "travel_sites"],
    }  # fmt: skip
    duty = {
        "dataset": "technician_shifts", "window": "7d", "by": ["technician_id", "start_at", "end_at"],
        "measures": {"n": {"agg": "count"}},
    }  # fmt: skip
    rows = await inquiry.ask({"technicians": who, "shifts": duty})
    now: set[str] = set()
    usual: set[str] = set()
    for shift in rows["shifts"]:
        if shift["start_at"] <= inquiry.at < shift["end_at"]:
            now.add(shift["technician_id"])
        if shift["start_at"] >= inquiry.at - SOON:
            usual.add(shift["technician_id"])
    return [
        Person(
            r["technician_id"], r["site"], _names(r["skills"]), _names(r["travel_sites"]), r["skill_level"] or 1,
            r["open_tickets"] or 0, _shift(r["technician_id"], now, usual),
        )
        for r in rows["technicians"]
    ]  # fmt: skip


def _shift(technician: str, now: set[str], usual: set[str]) -> str:
    return "now" if technician in now else "these days" if technician in usual else "none known"


def _names(text: str | None) -> frozenset[str]:
    return frozenset(part.strip() for part in (text or "").split(",") if part.strip())


async def _hardware(inquiry: Inquiry) -> dict[str, dict[str, int]]:
    """Node → fans and power supplies that are not in order now."""
    bad = {"sensors": {"agg": "count_distinct", "field": "sensor_id"}}
    plan = {
        "dataset": "node_hw", "window": "24h", "by": ["node_id", "sensor_type"], "measures": bad,
        "where": "sensor_type in ('fan', 'psu') and state = 'Enabled' and (health = 'Critical' or reading < lower_critical)",
    }  # fmt: skip
    found: dict[str, dict[str, int]] = {}
    for row in (await inquiry.ask({"fans and supplies": plan}))["fans and supplies"]:
        found.setdefault(row["node_id"], {})[row["sensor_type"]] = row["sensors"]
    return found


def needed_skill(signs: Mapping[str, int], hardware: Mapping[str, int], cooling: str) -> str:
    """The skill that most signs of a node ask for; board work when there are none."""
    if cooling == "dlc" and hardware.get("fan"):
        return "liquid_cooling"
    votes: dict[str, float] = {}
    for kind, count in [*signs.items(), *((k, 3 * n) for k, n in hardware.items())]:
        skill = SKILL_OF.get(kind, "hgx_board")
        votes[skill] = votes.get(skill, 0.0) + math.log1p(count)
    return max(sorted(votes), key=lambda s: votes[s], default="hgx_board")


def match(person: Person, skill: str, site: str, load: int) -> float:
    """How well a person suits, 0 to 1."""
    score = (
        WEIGHTS["skill"] if skill in person.skills else WEIGHTS["near skill"] if NEAR_SKILL.get(skill) in person.skills else 0.0
    )
    score += WEIGHTS["home"] if person.site == site else WEIGHTS["travel"] if site in person.travels else -1.0
    score += {"now": WEIGHTS["on shift"], "these days": WEIGHTS["next day"]}.get(person.shift, 0.0)
    return max(0.0, min(1.0, score + WEIGHTS["level"] * person.level - LOAD * load))


def _assign(
    number: int, risk: Risk, history: History, hardware: Mapping[str, int], people: Sequence[Person], load: dict[str, int]
) -> Row:
    place = history.place[risk.node]
    signs = history.signs[risk.node]
    skill = needed_skill(signs, hardware, place["cooling"] or "")
    broken = ", ".join(count_of(n, kind) + " not in order" for kind, n in sorted(hardware.items()))
    row: Row = {
        "rank": number, "node_id": risk.node, "cluster": place["cluster"], "site": place["site"],
        "risk_pct": figure(100 * within(risk.rate, DAYS)), "skill": skill,
        "evidence": "; ".join(t for t in (count_of(risk.total, "fault"), signs_text(history, risk.node), broken) if t),
    }  # fmt: skip
    able = [p for p in people if match(p, skill, place["site"], load[p.id]) > 0]
    best = max(able, key=lambda p: (match(p, skill, place["site"], load[p.id]), p.id), default=None)
    if best is None:
        return row | {"technician_id": "nobody suits", "has_skill": "no"}
    row |= {
        "technician_id": best.id,
        "has_skill": "yes" if skill in best.skills else "nearly",
        "from_site": best.site,
        "shift": best.shift,
        "open_tickets": best.open_tickets,
        "match": figure(match(best, skill, place["site"], load[best.id]), 2),
    }
    load[best.id] += 1
    return row


def _by_cluster(history: History) -> str:
    counts: dict[str, int] = {}
    for place in history.place.values():
        counts[place["cluster"]] = counts.get(place["cluster"], 0) + 1
    return ", ".join(f"{cluster} ({count_of(n, 'node')})" for cluster, n in sorted(counts.items()))


def _sentence(rows: Sequence[Row], share: float) -> str:
    if not rows:
        return "Nothing to assign: no node is listed."
    pairs = [f"{r['technician_id']} for {r['node_id']} ({r['skill']}, {said(r['risk_pct'])} %)" for r in rows[:5]]
    more = " and more below" if len(rows) > len(pairs) else ""
    return f"Proposed for the {share:g} % of nodes most at risk of a fault: {', '.join(pairs)}{more}."
