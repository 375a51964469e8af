"""Conditions on what a dimension says, as conditions on its keys: `rack = 'r1'` becomes a list of nodes."""

from collections.abc import Callable

from llo11ypop.core.errors import PlanError
from llo11ypop.query.expr import Expr, Name, Node, Op, walk
from llo11ypop.query.kinds import INSTANT
from llo11ypop.query.plan import Select
from llo11ypop.query.timelines import Attributes, Timeline

Holds = Callable[[Expr], frozenset[Attributes]]
"""For which attributes a condition on them holds."""


def without(select: Select, line: Timeline, holds: Holds) -> Select:
    """The select with every condition on the dimension said of its key. Raises PlanError where that cannot be."""
    measures = {
        name: m.model_copy(update={"where": _condition(m.where, line, holds)}) if m.where else m
        for name, m in select.measures.items()
    }
    where = _condition(select.where, line, holds) if select.where else None
    return select.model_copy(update={"where": where, "measures": measures})


def _condition(expr: Expr, line: Timeline, holds: Holds) -> Expr:
    if not expr.names() & set(line.names):
        return expr
    return Expr(_rewritten(expr.node, line, holds), expr.text)


def _rewritten(node: Node, line: Timeline, holds: Holds) -> Node:
    names = {n.name for n in walk(node) if isinstance(n, Name)} - {INSTANT}
    if not names & set(line.names):
        return node
    if names <= set(line.names):
        return _of_keys(node, line, holds)
    if isinstance(node, Op) and node.op in ("and", "or"):
        return Op(node.op, tuple(_rewritten(arg, line, holds) for arg in node.args))
    mixed = ", ".join(sorted(names))
    raise PlanError(f"a condition compares {mixed}, which lie in different tables, row by row")


def _of_keys(node: Node, line: Timeline, holds: Holds) -> Node:
    expr = Expr(node, f"of {', '.join(line.names)}")
    true = holds(expr)
    if line.unknown in true:
        raise PlanError(f"a condition on {', '.join(line.names)} holds for any {line.key} that the inventory does not know")
    return line.condition([p for p in line.pieces if p.attributes in true], expr.text).node
