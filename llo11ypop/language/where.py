"""Conditions as expressions over fields, parsed once."""

from collections.abc import Iterable
from functools import lru_cache

from llo11ypop.language.scope import Condition
from llo11ypop.query.expr import Expr, parse_expr


@lru_cache(maxsize=4096)
def expression(text: str) -> Expr:
    """An expression, parsed once per text. Raises ValueError."""
    return parse_expr(text)


def literal(value: str | float) -> str:
    """A value as expression text; quotes are doubled."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def condition_text(condition: Condition) -> str:
    """A condition as expression text."""
    name, values = condition.field, [literal(v) for v in condition.values]
    match condition.op:
        case "expr":
            return f"({condition.values[0]})"
        case "in" | "not in":
            if len(values) == 1:
                return f"{name} {'=' if condition.op == 'in' else '!='} {values[0]}"
            return f"{name} {condition.op} ({', '.join(values)})"
        case "between":
            return f"({name} >= {values[0]} and {name} <= {values[1]})"
        case "outside":
            return f"({name} < {values[0]} or {name} > {values[1]})"
        case "contains":
            return f"contains({name}, {values[0]})"
    return f"{name} {condition.op} {values[0]}"


def all_of(parts: Iterable[str]) -> str:
    """Conditions joined with 'and', each in brackets where it holds an 'or'; empty for none."""
    kept = [f"({p})" if " or " in p else p for p in parts if p]
    return " and ".join(kept)
