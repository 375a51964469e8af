"""What models were asked within a question, a cycle or a day, what it cost, and the hard limits on it.

Open a scope around the work: `with spending(Scope.QUESTION, question_id) as spent:`. Everything that is asked inside, in
whatever task, is counted to it; scopes may lie in each other. What a server does not count is estimated for the limits, and
stays unknown in what is shown.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import Lock
from typing import Any

from llo11ypop.models.config import Budgets, Endpoint, Limit
from llo11ypop.models.port import Reason, Refused, Usage

BYTES_PER_TOKEN = 3
"""For estimates on the safe side: English and JSON have about four, Chinese three. Our assumption."""
ACCEPTED = "accepted"
NOTHING = Usage(0, 0)


class Scope(StrEnum):
    """What a budget is for."""

    QUESTION = "question"
    CYCLE = "cycle"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Spent:
    """One request."""

    role: str
    model: str
    outcome: str
    """`accepted`, or the reason why not."""
    latency_s: float
    usage: Usage | None
    estimate: Usage = NOTHING
    """What it counts for where the server did not say."""
    cached: bool = False
    """Answered from memory: nothing was sent."""

    @property
    def unmetered(self) -> bool:
        """Whether it used tokens that nobody counted; a request that was turned away used none."""
        return not self.cached and self.usage is None and self.estimate != NOTHING


@dataclass(frozen=True, slots=True)
class Amount:
    """What a request may come to at most, as far as one can tell before it is made."""

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.calls + other.calls, self.tokens + other.tokens, self.cost + other.cost)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.calls - other.calls, self.tokens - other.tokens, self.cost - other.cost)


@dataclass
class Spending:
    """The account of one scope."""

    scope: Scope
    name: str = ""
    calls: list[Spent] = field(default_factory=list)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(role, reason) of what was left to the rule minds."""
    before: Amount = Amount()
    """Spent before this account was opened, such as by another process today."""
    total: Amount = Amount()
    _reserved: Amount = Amount()
    _lock: Lock = field(default_factory=Lock, repr=False)

    def reserve(self, amount: Amount, limit: Limit) -> None:
        """Take it out of what is left. Raises Refused where that is less."""
        with self._lock:
            after = self.before + self.total + self._reserved + amount
            for what in ("calls", "tokens", "cost"):
                most = getattr(limit, what)
                if most is not None and getattr(after, what) > most:
                    raise Refused(Reason.BUDGET, f"the {self.scope.value}'s budget of {most:g} {what} is used up")
            self._reserved += amount

    def settle(self, reserved: Amount, spent: Spent | None) -> None:
        """Give back what was reserved and count what it came to; None when nothing was sent."""
        with self._lock:
            self._reserved -= reserved
            if spent is not None:
                self.calls.append(spent)
                if not spent.cached:
                    self.total += amount_of(spent.usage or spent.estimate)

    def summary(self) -> dict[str, Any]:
        """Calls, tokens, cost and refusals as plain JSON; `unmetered` calls are in no other figure but `calls`."""
        return {
            **_figures(self.calls),
            "refused": {reason: n for reason, n in sorted(self._reasons().items())},
            "by_role": [
                {"role": role, "model": model, **_figures([c for c in self.calls if (c.role, c.model) == (role, model)])}
                for role, model in sorted({(c.role, c.model) for c in self.calls})
            ],
        }

    def lines(self, currency: str = "") -> list[str]:
        """The summary for people, one line per role and model; empty when no model was asked."""
        found = self.summary()
        lines = [f"{one['role']} ({one['model']}): {_said(one, currency)}" for one in found["by_role"]]
        if len(lines) > 1:
            lines.append(f"all: {_said(found, currency)}")
        lines += [
            f"{role}: left to the rule mind {_counted(n, 'time')} ({reason})"
            for (role, reason), n in sorted(self.refused.items())
        ]
        return lines

    def _reasons(self) -> Counter[str]:
        reasons: Counter[str] = Counter()
        for (_, reason), n in self.refused.items():
            reasons[reason] += n
        return reasons


_open: ContextVar[tuple[Spending, ...]] = ContextVar("spending", default=())


@contextmanager
def spending(scope: Scope, name: str = "") -> Iterator[Spending]:
    """Count what is asked inside."""
    one = Spending(scope, name)
    token = _open.set((*_open.get(), one))
    try:
        yield one
    finally:
        _open.reset(token)


def current() -> tuple[Spending, ...]:
    """The scopes that are open here, the outermost first."""
    return _open.get()


def limit_of(budgets: Budgets, scope: Scope) -> Limit:
    """The limit of a scope."""
    limit: Limit = getattr(budgets, scope.value)
    return limit


def estimated_tokens(*texts: str) -> int:
    """About how many tokens the texts are, rather too many."""
    return sum(len(t.encode()) for t in texts) // BYTES_PER_TOKEN + 1


def priced(one: Endpoint, usage: Usage) -> Usage:
    """The usage with its cost."""
    return replace(usage, cost=_cost(one, usage))


def _cost(one: Endpoint, usage: Usage) -> float | None:
    if one.price_in_per_mtok is None or one.price_out_per_mtok is None:
        return None
    cached = one.price_in_per_mtok if one.price_cached_per_mtok is None else one.price_cached_per_mtok
    fresh = max(0, usage.tokens_in - usage.tokens_cached)
    return (fresh * one.price_in_per_mtok + usage.tokens_cached * cached + usage.tokens_out * one.price_out_per_mtok) / 1e6


def amount_of(usage: Usage) -> Amount:
    """What one request of that usage takes out of a budget."""
    return Amount(1, usage.tokens_in + usage.tokens_out, usage.cost or 0.0)


def _figures(calls: list[Spent]) -> dict[str, Any]:
    sent = [c for c in calls if not c.cached]
    metered = [c.usage for c in sent if c.usage is not None]
    costs = [u.cost for u in metered if u.cost is not None]
    return {
        "calls": len(sent),
        "from_memory": len(calls) - len(sent),
        "not_accepted": sum(c.outcome != ACCEPTED for c in sent),
        "unmetered": sum(c.unmetered for c in sent),
        "tokens_in": sum(u.tokens_in for u in metered),
        "tokens_out": sum(u.tokens_out for u in metered),
        "tokens_cached": sum(u.tokens_cached for u in metered),
        "cost": round(sum(costs), 6) if costs else None,
        "seconds": round(sum(c.latency_s for c in sent), 3),
    }


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _said(one: dict[str, Any], currency: str) -> str:
    parts = [_counted(one["calls"], "call"), f"{one['tokens_in']:,} + {one['tokens_out']:,} tokens"]
    if one["tokens_cached"]:
        parts.append(f"{one['tokens_cached']:,} of them cached by the server")
    if one["cost"] is not None:
        parts.append(f"{one['cost']:.4f} {currency}".rstrip())
    parts.append(f"{one['seconds']:.1f} s")
    for key, text in (
        ("unmetered", "without a count of tokens"),
        ("not_accepted", "not accepted"),
        ("from_memory", "from memory"),
    ):
        if one[key]:
            parts.append(f"{one[key]} {text}")
    return ", ".join(parts)
