"""What an edited action's arguments must satisfy: the shape of the proposed ones, and an inventory that knows what they name."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from llo11ypop.core.entity import Entity
from llo11ypop.core.errors import StoreError
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.vocabulary import Action, Level

_SUFFIXES = ("_ids", "_id", "_uuids", "_uuid", "s", "")
_BOOLEANS = {"true": True, "false": False}
_NOT_LISTED = {Level.RUN, Level.USER, Level.PART, Level.FLEET, Level.PARTITION, Level.MOUNT}
"""Kinds of things that no inventory lists; for these only the argument's type is checked."""
_LEVELS = {level.value: level for level in Level if level not in _NOT_LISTED}


class ArgumentCheck(Protocol):
    """Says what is wrong with an action's arguments, beyond their shape."""

    async def problem(self, action: Action, arguments: Mapping[str, Any]) -> str:
        """One sentence; empty when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class InventoryCheck:
    """Every argument named after a level of the fleet (`node`, `gpu_uuid`, `racks`) must name something that exists."""

    topology: Topology

    async def problem(self, action: Action, arguments: Mapping[str, Any]) -> str:
        """Names the first entity that the inventory does not have."""
        for entity in named_entities(arguments):
            if entity not in self.topology:
                return f"the inventory has no {entity.level} '{entity.id}'"
        return ""


@dataclass(frozen=True, slots=True)
class InventoryAt:
    """The same with the inventory as it is at the moment of the edit."""

    topology: Callable[[], Awaitable[Topology]]

    async def problem(self, action: Action, arguments: Mapping[str, Any]) -> str:
        """As `InventoryCheck`; an inventory that cannot be read accepts nothing that it would have to know."""
        if not named_entities(arguments):
            return ""
        try:
            topology = await self.topology()
        except StoreError as bad:
            return f"the inventory cannot be read now: {bad.line()}"
        return await InventoryCheck(topology).problem(action, arguments)


@dataclass(frozen=True, slots=True)
class SameEntities:
    """Without an inventory at hand an edit may narrow, but not name anything that the proposal does not."""

    proposal: Proposal

    async def problem(self, action: Action, arguments: Mapping[str, Any]) -> str:
        """Names the first entity that the proposal does not mention."""
        known = {*self.proposal.entities, *named_entities(self.proposal.action.arguments)}
        for other in self.proposal.other_actions:
            known |= set(named_entities(other.arguments))
        for entity in named_entities(arguments):
            if entity not in known:
                return f"the proposal does not mention {entity.level} '{entity.id}', and there is no inventory to check"
        return ""


def named_entities(arguments: Mapping[str, Any]) -> list[Entity]:
    """The entities that arguments name, by the arguments' names."""
    found = []
    for name, value in arguments.items():
        level = level_of(name)
        if level is not None:
            found += [Entity(level, str(one)) for one in (value if isinstance(value, list) else [value])]
    return found


def level_of(name: str) -> Level | None:
    """The inventoried level an argument is about: `node_id` and `nodes` are about nodes; none for `slot` or `user`."""
    for suffix in _SUFFIXES:
        stem = name.removesuffix(suffix)
        if stem in _LEVELS and stem + suffix == name:
            return _LEVELS[stem]
    return None


def template_of(proposal: Proposal, action: Action) -> dict[str, Any]:
    """The arguments whose names and types an edit must keep: the action's own where it was offered, else the shown one's."""
    offered = {a.name: a.arguments for a in (*proposal.other_actions, proposal.action)}
    return offered.get(action, proposal.action.arguments)


def shape_problem(template: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """What is wrong with names and types; empty when nothing is."""
    extra = [name for name in arguments if name not in template]
    missing = [name for name in template if name not in arguments]
    if extra:
        return f"there is no argument '{extra[0]}'; there are {', '.join(template) or 'none'}"
    if missing:
        return f"the argument '{missing[0]}' is missing"
    for name, value in arguments.items():
        if not _same_type(template[name], value):
            return f"the argument '{name}' must be {_type_name(template[name])}, not {_type_name(value)}"
    return ""


def coerce(template: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Strings back to the template's types (agent-inbox sends every value as text); what does not fit stays text."""
    return {name: _coerced(template.get(name), value) for name, value in arguments.items()}


def _coerced(model: Any, value: Any) -> Any:
    if not isinstance(value, str) or isinstance(model, str):
        return value
    try:
        match model:
            case bool():
                return _BOOLEANS.get(value.strip().lower(), value)
            case int():
                return int(value)
            case float():
                return float(value)
            case list():
                return [part.strip() for part in value.strip("[]").split(",") if part.strip()]
    except ValueError:
        return value
    return value


def _same_type(model: Any, value: Any) -> bool:
    if model is None:
        return True
    if isinstance(model, bool) or isinstance(value, bool):
        return isinstance(model, bool) and isinstance(value, bool)
    if isinstance(model, float):
        return isinstance(value, (int, float))
    return isinstance(value, type(model))


def _type_name(value: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), type(value).__name__)
