"""How a question was understood: the plan that answers it, what was assumed, or why it is asked back."""

from dataclasses import dataclass
from typing import Literal

from llo11ypop.core.question import Column
from llo11ypop.core.vocabulary import Area
from llo11ypop.core.window import Window
from llo11ypop.language.intent import Intent
from llo11ypop.language.scope import Scope
from llo11ypop.query.plan import Plan

ChartHint = Literal["stat", "bar", "line", "scatter", "heatmap", "histogram", "ranked"]


@dataclass(frozen=True, slots=True)
class Reading:
    """A question in the catalog's words.

    Exactly one of these holds: `plan` answers it; `scope.intent` is an investigation; `clarify` asks back; `nothing` says that
    what was asked about does not exist, and what does.
    """

    question: str
    intent: Intent
    scope: Scope
    plan: Plan | None
    text: str
    """'failed jobs per cluster, 1-21 May, by week': made from the words that were understood."""
    columns: tuple[Column, ...] = ()
    """Of the plan's result, in order."""
    window: Window | None = None
    definition: str = ""
    areas: tuple[Area, ...] = ()
    defaults: tuple[str, ...] = ()
    """What was assumed, corrected or inherited, one sentence each."""
    unknown: tuple[str, ...] = ()
    """Content words that nothing explains."""
    clarify: str | None = None
    nothing: str | None = None
    scalar: bool = False
    """The answer is one number."""
    wants_chart: bool = False
    chart_hint: ChartHint | None = None
    title: str = ""
