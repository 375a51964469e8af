"""Show people as pseudonyms: columns of a result that hold names of people, found by following the plan from the catalog.

The same name always becomes the same pseudonym for one salt, so that counts, rankings and follow-ups stay true.
"""

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.query.check import check, joined_names
from llo11ypop.query.kinds import Schema
from llo11ypop.query.plan import Combine, Derive, Group, Join, Measure, Plan, Select, Union

if TYPE_CHECKING:
    import pyarrow as pa

PSEUDONYMS = "people as pseudonyms"
"""Note of evidence whose rows name people by stand-ins: run again, they must be replaced again before they are compared."""
DIGITS = 10
"""Hex digits of a pseudonym: two among 10,000 people share one in 1 of 20,000 fleets."""
_KEEPS_VALUES = frozenset({"min", "max", "first", "last", "list"})


def pseudonym(name: str, salt: bytes) -> str:
    """What a person is called instead: 'person-1f0c…', the same for the same name and salt."""
    return f"person-{hmac.digest(salt, name.encode(), 'sha256').hex()[:DIGITS]}"


def pseudonymise(table: "pa.Table", catalog: Catalog, plan: Plan, salt: bytes) -> "pa.Table":
    """The rows of a plan's result with people's names replaced; everything else, and empty names, stay as they are."""
    import pyarrow as pa

    columns = personal_columns(plan, catalog)
    for index, name in enumerate(table.column_names):
        if name in columns and pa.types.is_string(table.schema.field(name).type):
            listed = columns[name]
            values = [_replaced(v, salt, listed) for v in table.column(name).to_pylist()]
            table = table.set_column(index, name, pa.array(values, table.schema.field(name).type))
    return table


def _replaced(value: str | None, salt: bytes, listed: bool) -> str | None:
    if not value:
        return value
    if not listed:
        return pseudonym(value, salt)
    return ", ".join(sorted(pseudonym(v.strip(), salt) for v in value.split(",")))


def personal_columns(plan: Plan, catalog: Catalog) -> dict[str, bool]:
    """The result's columns that name people; true where a value is a list of names. Raises as `check` does."""
    schemas = check(plan, catalog)
    found: dict[str, dict[str, bool]] = {}
    for name, step in plan.steps.items():
        found[name] = _of_select(step, catalog) if isinstance(step, Select) else _of_step(step, found, schemas)
    return found[plan.result]


def _of_select(select: Select, catalog: Catalog) -> dict[str, bool]:
    def personal(name: str) -> bool:
        return catalog.route(select.dataset, name).spec.personal

    found = {name: False for name in (*select.by, *select.fields) if personal(name)}
    reach = catalog.reachable(select.dataset)
    people = {name: False for name, route in reach.items() if route.spec.personal}
    return found | _of_measures(select.measures, people)


def _of_measures(measures: Mapping[str, Measure], people: Mapping[str, bool]) -> dict[str, bool]:
    found = {}
    for name, measure in measures.items():
        used = [people[n] for n in measure.field.names() if n in people] if measure.field else []
        if used and measure.agg in _KEEPS_VALUES:
            found[name] = measure.agg == "list" or any(used)
    return found


def _of_step(step: Combine, found: Mapping[str, dict[str, bool]], schemas: Mapping[str, Schema]) -> dict[str, bool]:
    match step:
        case Join():
            if step.how in ("semi", "anti"):
                return dict(found[step.left])
            names = dict(joined_names(step, schemas[step.left], schemas[step.right]))
            right = {names[n]: many for n, many in found[step.right].items() if n in names}
            return {**found[step.left], **right, **{n: found[step.right][n] for n in step.on if n in found[step.right]}}
        case Union():
            return {name: many for source in step.sources for name, many in found[source].items()}
        case Group():
            source = found[step.source]
            return {n: source[n] for n in step.by if n in source} | _of_measures(step.measures, source)
        case Derive():
            known = dict(found[step.source])
            for name, expression in step.columns.items():
                used = [known[n] for n in expression.names() if n in known]
                if used:
                    known[name] = any(used)
            return known
    return dict(found[step.source])
