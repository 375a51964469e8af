"""The director's model mind in the loop: which areas deserve a deeper look, beside those that must be looked at anyway.

It is shown typed figures only: kinds, ids of goals and datasets from the configuration, numbers. It can add areas and ask for
signals over long windows before their time, both within a budget; it cannot leave out an area that has a reason.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llo11ypop.core.reasoning import Observation, ObservationKind
from llo11ypop.core.vocabulary import Area
from llo11ypop.models.port import Model, Request, Role, note
from llo11ypop.models.prompting import data_block, with_data_rule

PROMPT = Path(__file__).with_suffix(".md")
MOST_AREAS = 4
MOST_SEEN = 40
"""Most datasets that are shown; the prompt must fit a small context (our choice)."""
ASKED_FOR = "asked for by the director's model"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "areas": {
            "type": "array",
            "items": {"type": "string", "enum": [area.value for area in Area]},
            "maxItems": MOST_AREAS,
        }
    },
    "required": ["areas"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Direction:
    """What is looked at, and where deeper, the most promising first."""

    assignments: dict[Area, list[str]]
    deeper: tuple[Area, ...] = ()


async def direct(
    models: Model, observations: Iterable[Observation], required: Mapping[Area, Sequence[str]], most_added: int, cycle: str
) -> Direction:
    """The rule mind's areas with what the model adds to them. Raises Refused."""
    prompt = with_data_rule(PROMPT)
    request = Request(
        role=Role.DIRECTOR,
        name="loop_areas",
        prompt_hash=prompt.hash,
        system=prompt.text,
        user=data_block("observations", shown(observations, required)),
        schema=SCHEMA,
        refs=(cycle,),
    )
    reply = await models.ask(request)
    named = tuple(dict.fromkeys(Area(a) for a in reply.value["areas"]))
    direction = widened(required, named, most_added)
    over = len(named) - len(direction.deeper)
    why = f"{over} of its areas beyond the {most_added} that may be added" if over else "looked at; nobody judged that"
    preferred = {"areas": [a.value for a in direction.deeper]} if over else None
    await note(models, reply.call_id, accepted=False if over else None, why=why, preferred=preferred)
    return direction


def widened(required: Mapping[Area, Sequence[str]], named: Iterable[Area], most_added: int) -> Direction:
    """The required areas and at most so many of the named ones; deeper are those that are looked at, in the order named."""
    wanted = list(dict.fromkeys(named))
    added = [area for area in wanted if area not in required][:most_added]
    reasons = {area: list(why) for area, why in required.items()} | {area: [ASKED_FOR] for area in added}
    return Direction({area: reasons[area] for area in Area if area in reasons}, tuple(a for a in wanted if a in reasons))


def shown(observations: Iterable[Observation], required: Collection[Area]) -> str:
    """The observations as lines of typed figures; slices are counted, since their names come from telemetry."""
    seen = list(observations)
    goals = [o for o in seen if o.kind not in (ObservationKind.SILENCE, ObservationKind.ACTIVITY)]
    lines = [f"goal {o.subject}: {_goal(o, goals)} ({_listed(o.areas)})" for o in goals if not o.slice]
    lines += [f"silent: {o.subject} ({_listed(o.areas)})" for o in seen if o.kind is ObservationKind.SILENCE][:MOST_SEEN]
    rows = [f"{o.subject} {o.value or 0:.0f}" for o in seen if o.kind is ObservationKind.ACTIVITY]
    lines.append(f"new rows: {', '.join(rows[:MOST_SEEN]) or 'none'}")
    lines.append(f"areas with a reason: {_listed(a for a in Area if a in required)}")
    lines.append(f"areas without: {_listed(a for a in Area if a not in required)}")
    return "\n".join(lines)


def _goal(one: Observation, goals: Sequence[Observation]) -> str:
    figures = [("value", one.value), ("target", one.target), ("before", one.baseline)]
    parts = [one.kind.value, *(f"{name} {value:.4g}" for name, value in figures if value is not None)]
    slices = sum(o.subject == one.subject and bool(o.slice) for o in goals)
    return ", ".join([*parts, *([f"{slices} slices miss it"] if slices else [])])


def _listed(areas: Iterable[Area]) -> str:
    return ", ".join(areas) or "none"
