"""Keep a principal inside their scope: every select of a plan carries their clusters and accounts, or the plan is refused.

The condition is added to the typed plan before any engine sees it, so that each compiler carries it and each piece of evidence
shows it. What has no way to a cluster or an account is refused: reading nothing is better than reading a neighbour's rows.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.errors import UnknownNameError
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.principal import AccessError, Principal
from llo11ypop.query.check import names_used
from llo11ypop.query.expr import LONGEST, Call, Expr, Name, Node, Op, Value
from llo11ypop.query.plan import Plan, Select
from llo11ypop.query.store import Coverage, Exports, TelemetryStore

NOBODYS = frozenset({"inventory_parts", "supply_chain", "fleet_meta"})
"""Datasets whose rows belong to no cluster and no account: part numbers, what suppliers deliver, what the file is."""
OWNED = frozenset({"account", "user", "job_id", "run_id", "pod", "namespace"})
"""Fields that say whose work a row is about: a dataset with one of them must be confined to accounts, not only to clusters."""


def confine(plan: Plan, principal: Principal, catalog: Catalog) -> Plan:
    """The plan with the principal's scope in every select. Raises AccessError for a select that cannot be confined."""
    if not principal.confined:
        return plan
    steps = {name: _confined(step, principal, catalog) if isinstance(step, Select) else step for name, step in plan.steps.items()}
    return plan.model_copy(update={"steps": steps})


def _confined(select: Select, principal: Principal, catalog: Catalog) -> Select:
    if select.dataset in NOBODYS:
        return select
    conditions = []
    if principal.clusters is not None:
        conditions.append(_within(select, "cluster", principal.clusters, principal, catalog))
    if principal.accounts is not None and _has_owner(select, catalog):
        conditions.append(_within(select, "account", principal.accounts, principal, catalog))
    node = select.where.node if select.where else None
    for condition in conditions:
        node = condition if node is None else Op("and", (node, condition))
    if node is None:
        return select
    text = to_text(node)
    if len(text) > LONGEST:
        raise AccessError(f"the scope of '{principal.name}' is too long for a query", next_step="ask about fewer things at once")
    return select.model_copy(update={"where": Expr(node, text)})


def _has_owner(select: Select, catalog: Catalog) -> bool:
    """Whether rows are about somebody's work: an owner's field, or free text that programs of anybody wrote."""
    fields = catalog.dataset(select.dataset).fields
    return bool(OWNED & set(fields)) or any(catalog.route(select.dataset, name).spec.free_text for name in names_used(select))


def _within(select: Select, name: str, allowed: frozenset[str], principal: Principal, catalog: Catalog) -> Node:
    try:
        catalog.route(select.dataset, name)
    except UnknownNameError as bad:
        raise AccessError(
            f"'{select.dataset}' cannot be confined to the {name}s that '{principal.name}' may read",
            next_step=f"ask about something that belongs to a {name}, or ask an operator",
        ) from bad
    if not allowed:
        return Op("and", (Op("is_null", (Name(name),)), Op("not", (Op("is_null", (Name(name),)),))))
    return Op("in", (Name(name), *(Value(v) for v in sorted(allowed))))


class ConfinedStore:
    """A store that confines every plan first: what is built on it (values, analysts, investigators) cannot see more."""

    def __init__(self, store: TelemetryStore, principal: Principal, catalog: Catalog) -> None:
        self._store, self._principal, self._catalog = store, principal, catalog

    @property
    def query_count(self) -> int:
        """Native queries sent so far, by whomever."""
        return self._store.query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """As the store's; raises AccessError for what cannot be confined."""
        return await self._store.run(confine(plan, self._principal, self._catalog), at)

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        """As the store's; raises AccessError for what cannot be confined."""
        confined = {name: confine(plan, self._principal, self._catalog) for name, plan in plans.items()}
        return await self._store.run_many(confined, at)

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        """As the store's: how much arrived, of which no row is shown."""
        return await self._store.coverage(at, since, entities=entities)

    async def exports(self) -> Exports:
        """As the store's."""
        return await self._store.exports()


def to_text(node: Node) -> str:
    """An expression as text that `parse_expr` reads back to the same node."""
    match node:
        case Name():
            return node.name if node.name.isidentifier() else '"' + node.name.replace('"', '""') + '"'
        case Value():
            return _literal(node.value)
        case Call():
            return f"{node.name}({_listed(node.args)})"
    match node.op:
        case "not":
            return f"(not {to_text(node.args[0])})"
        case "is_null":
            return f"({to_text(node.args[0])} is null)"
        case "in":
            return f"({to_text(node.args[0])} in ({_listed(node.args[1:])}))"
    return f"({to_text(node.args[0])} {node.op} {to_text(node.args[1])})"


def _listed(nodes: Iterable[Node]) -> str:
    return ", ".join(to_text(n) for n in nodes)


def _literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
