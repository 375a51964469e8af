"""Examples from what people said about proposals: the action that was right, given the state and the candidates.

An approval or an edit is a good answer, a rejection for the action's sake a bad one; where a person chose another action, that is
the better of two. Rejections that say nothing about the action (already known, stale) are left out, and so is an approved action
after which the symptom stayed.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.ids import canonical_json
from llo11ypop.core.proposal import ReasonCode, VerdictKind
from llo11ypop.learning.examples import Example, Gathered, Judged, Messages, Pair, Source

SYSTEM = (
    "You choose the next action for trouble in a GPU fleet. You are given the trouble, its evidence and the actions that the "
    "playbook allows. Answer with one JSON object: name and arguments of one of these actions."
)
SHOWN = ("trigger", "entities", "blast_radius", "confidence", "alternatives", "state")
ABOUT_THE_ACTION = frozenset({ReasonCode.WRONG_ACTION.value, ReasonCode.WRONG_TARGET.value, ReasonCode.TOO_RISKY.value})
ROLE = "action"

Record = Mapping[str, Any]


def from_verdicts(records: Iterable[Record]) -> Gathered:
    """Examples in order of the verdicts; pairs of an approval and a rejection only for the very same prompt."""
    examples: list[Example] = []
    left_out: Counter[str] = Counter()
    by_prompt: dict[Messages, list[Judged]] = defaultdict(list)
    for record in records:
        judged, why = _judged(record)
        if not judged:
            left_out[why] += 1
        examples += judged
        if [one.good for one in judged] == [False, True]:
            examples.append(Pair(judged[1].prompt, judged[1].completion, judged[0].completion, judged[1].source))
        for one in judged:
            by_prompt[one.prompt].append(one)
    return Gathered([*examples, *_across(by_prompt.values())], dict(left_out))


def _judged(record: Record) -> tuple[list[Judged], str]:
    """What a verdict says: for an edit the shown action as bad and then the edited one as good."""
    verdict = record["verdict"]
    shown = {"name": record["chosen"]["name"], "arguments": dict(record["chosen"]["arguments"])}
    said = verdict["kind"]
    source = Source(parse_instant(record["ts"]), "verdict", ROLE, str(record["dedup_key"]), str(record["policy"]["version"]))

    def judge(action: Mapping[str, Any], good: bool) -> Judged:
        return Judged(_prompt(record), json.dumps(action, ensure_ascii=False), good, source)

    outcome = record.get("outcome") or {}
    if said in (VerdictKind.APPROVE.value, VerdictKind.EDIT.value) and outcome.get("symptom_cleared") is False:
        return [], "approved actions after which the symptom stayed"
    if said == VerdictKind.APPROVE.value:
        return [judge(shown, True)], ""
    if said == VerdictKind.EDIT.value:
        edited = _edited(shown, verdict["edit"])
        return ([judge(shown, False)] if edited != shown else []) + [judge(edited, True)], ""
    if said == VerdictKind.REJECT.value and verdict["reason_code"] in ABOUT_THE_ACTION:
        return [judge(shown, False)], ""
    return [], f"verdicts that say nothing about the action ({said})"


def _prompt(record: Record) -> Messages:
    allowed = [{"name": c["name"], "arguments": c["arguments"]} for c in record["candidates"]]
    allowed.sort(key=canonical_json)  # the order is the policy's opinion
    asked = {**{name: record[name] for name in SHOWN if name in record}, "actions": allowed}
    asked["state"] = {k: v for k, v in record.get("state", {}).items() if k != "propensity"}
    return (("system", SYSTEM), ("user", canonical_json(asked)))


def _edited(shown: Mapping[str, Any], patch: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The action after the operations that a feedback record holds: of `/name` and `/arguments/<name>`."""
    name, arguments = shown["name"], dict(shown["arguments"])
    for step in patch:
        argument = step["path"].removeprefix("/arguments/")
        if step["path"] == "/name":
            name = step["value"]
        elif step["op"] == "remove":
            arguments.pop(argument, None)
        else:
            arguments[argument] = step["value"]
    return {"name": name, "arguments": arguments}


def _across(groups: Iterable[list[Judged]]) -> Iterable[Pair]:
    for group in groups:
        good = [one for one in group if one.good]
        for bad in (one for one in group if not one.good):
            for one in good:
                if one.completion != bad.completion and one.source.at != bad.source.at:
                    yield Pair(one.prompt, one.completion, bad.completion, max(one.source, bad.source, key=lambda s: s.at))
