"""Hold a form against the question: what the question does not say is dropped, what it says plainly is put in.

Whoever wrote the form, the rules are the same: names link to the inventory, numbers stand in the question, groups, rankings,
limits and steps of time have words of their own. The time is never a model's: the reader takes it from the question.
"""

from dataclasses import replace

from llo11ypop.agents.query_writer.form import HOW, LIMITS, MOST_GROUPS, Form
from llo11ypop.agents.query_writer.said import Said
from llo11ypop.language.index import PhraseIndex

_RANK_ROLES = {"most": "top", "least": "bottom", "worst": "worst", "best": "best"}
_LEADS = frozenset({"group", "which"})
"""Roles of words that make a group of the next one: 'per cluster', 'which nodes'."""


def grounded(form: Form, asked: Said, index: PhraseIndex) -> tuple[Form, tuple[str, ...]]:
    """The form as far as the question bears it out, and the keys of what was dropped."""
    values, dims = asked.values(index), asked.dims()
    without = tuple(v for v in form.without if v in values and "negate" in asked.roles)
    only = tuple(v for v in form.only if v in values and v not in without)
    sure = () if "negate" in asked.roles else tuple(v for v, certain in values.items() if certain and v not in only)
    by = tuple(dict.fromkeys([*(b for b in form.by if b in dims), *_led(asked)]))[:MOST_GROUPS]
    kept = Form(
        measure=form.measure,
        show=form.show if form.show == "list" and asked.roles & {"show", "which"} else "",
        how=form.how if _aggregate_said(form.how, asked) else "",
        by=by,
        only=(*only, *sure),
        without=without,
        rank=form.rank if _RANK_ROLES.get(form.rank) in asked.roles else "",
        n=form.n if form.n in asked.numbers else None,
        limit=form.limit if LIMITS.get(form.limit) in asked.roles and form.value in asked.numbers else "",
        value=form.value if form.value in asked.numbers else None,
        over_time=_step(form.over_time, asked),
    )
    kept = replace(kept, value=kept.value if kept.limit else None, n=kept.n if kept.rank else None)
    return kept, _dropped(form, kept)


def _led(asked: Said) -> list[str]:
    """Groups that the question names outright: the word behind 'per' or 'which'."""
    leads = {p.end for p in asked.outer if any(s.role in _LEADS for s in p.senses)}
    behind = [p.sense("dim") for p in asked.outer if p.start in leads and not p.sense("measure", "value")]
    return [s.name for s in behind if s is not None]


def _aggregate_said(how: str, asked: Said) -> bool:
    return any(s.role == "agg" and s.name == HOW.get(how) for p in asked.phrases for s in p.senses)


def _step(step: str, asked: Said) -> str:
    """A step that is said; the reader's own choice where only a course or a chart is asked for."""
    if any(s.role == "bucket" and s.name == step for p in asked.phrases for s in p.senses):
        return step
    return "auto" if step and asked.roles & {"trend", "chart"} else ""


def _dropped(form: Form, kept: Form) -> tuple[str, ...]:
    """Keys of which something was lost; a step that became the reader's own choice was not."""
    lists = [k for k in ("by", "only", "without") if set(getattr(form, k)) - set(getattr(kept, k))]
    single = [k for k in ("how", "rank", "n", "limit", "value") if getattr(form, k) and getattr(form, k) != getattr(kept, k)]
    shown = ["show"] if form.show == "list" and not kept.show else []
    return (*shown, *single, *lists, *(["over_time"] if form.over_time and not kept.over_time else []))
