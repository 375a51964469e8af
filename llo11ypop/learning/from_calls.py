"""Examples from the record of model calls: what was taken, what was not, and what stood in its place.

That an answer matches its schema does not make it good. It is an example of a good one when its caller took it (the plan passed
its checks, the rows agreed, the claims held), and of a bad one when it was refused.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from llo11ypop.learning.examples import Example, Gathered, Judged, Messages, Pair, Source
from llo11ypop.models.answers import bare
from llo11ypop.models.fake.rules import FAKE
from llo11ypop.models.port import Reason
from llo11ypop.models.record import Kept
from llo11ypop.models.spending import ACCEPTED

MALFORMED = frozenset({Reason.PROSE, Reason.SCHEMA})
"""Bad whatever was asked: the form is wrong."""


def from_calls(calls: Iterable[Kept]) -> Gathered:
    """Examples in order of the calls."""
    kept = {one.call.id: one for one in calls}
    examples: list[Example] = []
    left_out: Counter[str] = Counter()
    for one in kept.values():
        found = list(_of_call(one, kept))
        examples += found
        if not found:
            left_out[_why(one)] += 1
    return Gathered(examples, dict(left_out))


def _of_call(one: Kept, kept: Mapping[str, Kept]) -> Iterable[Example]:
    call, noted = one.call, one.noted
    if call.model.startswith(FAKE):
        return
    first = kept.get(call.repairs)
    if call.repairs and first is None:
        return
    prompt: Messages = (("system", call.system), ("user", call.user))
    source = Source(call.at, "model call", call.role, call.request_hash, call.prompt_hash, call.model)
    if call.outcome in MALFORMED:
        yield Judged(prompt, call.output, False, source)
    if call.outcome != ACCEPTED or noted is None or noted.accepted is None:
        return
    said = bare(call.output)
    yield Judged(prompt, said, noted.accepted, source)
    if not noted.accepted and noted.preferred is not None:
        better = as_json(noted.preferred)
        yield Judged(prompt, better, True, source)
        yield Pair(prompt, better, said, source)
    if noted.accepted and first is not None and first.call.outcome in MALFORMED:
        yield Pair(prompt, said, first.call.output, source)


def _why(one: Kept) -> str:
    if one.call.model.startswith(FAKE):
        return "answers of a fake model"
    if one.call.outcome == ACCEPTED:
        judged = one.noted is not None and one.noted.accepted is not None
        return "repairs whose first answer is gone" if judged else "answers that nobody judged"
    return f"calls without an answer ({one.call.outcome})"


def as_json(value: Mapping[str, Any]) -> str:
    """As models write it."""
    return json.dumps(value, ensure_ascii=False)
