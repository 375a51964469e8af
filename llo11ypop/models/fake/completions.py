"""A chat completion of the fake endpoint: content or calls of functions, token counts, and what each fault makes of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llo11ypop.models.fake.rules import FAKE, MODEL, Rule
from llo11ypop.models.fake.samples import hostile, simplest

_SCHEMA_MARK = "JSON Schema:\n"
_STATUS = {"429": 429, "500": 500, "401": 401, "404": 404}
_CHARACTERS_PER_TOKEN = 4
PROSE = "Sure! Here is what I think: the fleet looks fine to me. (This is a fake answer.)"


@dataclass(frozen=True, slots=True)
class Said:
    """What goes back; status 0 hangs up."""

    status: int
    body: dict[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)


def matched(body: dict[str, Any]) -> tuple[str, str, list[str]]:
    """Model, name of the schema, and texts of a request: what rules look at."""
    return str(body.get("model", "")), _form(body)[0], [_text(m) for m in body.get("messages", ())]


def system_of(body: dict[str, Any]) -> str:
    """The part of a prompt that servers cache."""
    return "".join(_text(m) for m in body.get("messages", ()) if m.get("role") in ("system", "developer"))


def said(body: dict[str, Any], rule: Rule | None, fault: str, *, methods: Sequence[str], prefix_seen: bool) -> Said:
    """The answer to one request."""
    model = str(body.get("model", ""))
    if not model.startswith(FAKE):
        return error(404, f"no model {model}: this is a fake endpoint, ask for {MODEL}")
    if body.get("stream"):
        return error(400, "fake-model does not stream")
    if (method := _method(body)) and method not in methods:
        return error(400, f"fake-model was told not to know {method}")
    if fault == "hang_up":
        return Said(0, "")
    if fault == "html":
        return Said(200, "<html><body>a fake proxy's page</body></html>")
    if fault in _STATUS:
        wait = {} if rule is None or rule.retry_after_s is None else {"Retry-After": f"{rule.retry_after_s:g}"}
        return replace(error(_STATUS[fault], f"a fake {fault}"), headers=wait)
    message, finish = _message(body, rule, fault)
    usage = _usage(body, message, prefix_seen)
    reply = {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, "logprobs": None}],
        **({} if fault == "no_usage" else {"usage": usage}),
    }
    return Said(200, reply)


def error(status: int, text: str) -> Said:
    """As OpenAI words errors."""
    return Said(status, {"error": {"message": text, "type": "fake", "code": None, "param": None}})


def _message(body: dict[str, Any], rule: Rule | None, fault: str) -> tuple[dict[str, Any], str]:
    if fault == "refusal":
        return {"content": None, "refusal": "I cannot help with that (a fake refusal)."}, "stop"
    if rule is not None and rule.calls and not fault:
        return {
            "content": None,
            "tool_calls": [_call(c.name, json.dumps(c.arguments), n) for n, c in enumerate(rule.calls)],
        }, "tool_calls"
    name, schema = _form(body)
    text, limit = _spoilt(_answer(rule, schema), schema, fault), _limit(body)
    cut_off = fault == "cut_off" or len(text) > limit
    text, finish = text[:limit], "length" if cut_off else "stop"
    if _method(body) == "function_calling" and schema is not None and fault not in ("prose", "empty"):
        return {"content": None, "tool_calls": [_call(name, text, 0)]}, "length" if cut_off else "tool_calls"
    return {"content": text}, finish


def _limit(body: dict[str, Any]) -> int:
    """Characters of an answer."""
    tokens = body.get("max_tokens") or body.get("max_completion_tokens") or 100_000
    return int(tokens) * _CHARACTERS_PER_TOKEN


def _answer(rule: Rule | None, schema: dict[str, Any] | None) -> str:
    if rule is not None and rule.answer is not None:
        return rule.answer if isinstance(rule.answer, str) else json.dumps(rule.answer, ensure_ascii=False)
    return json.dumps(simplest(schema), ensure_ascii=False) if schema is not None else "This is a fake answer."


def _spoilt(text: str, schema: dict[str, Any] | None, fault: str) -> str:
    match fault:
        case "cut_off":
            return text[: max(1, len(text) // 2)]
        case "prose":
            return PROSE
        case "empty":
            return ""
        case "wrong_json":
            return '{"fake": ["not what was asked for"]}'
        case "broken_json":
            return text[:-1] + ",]"
        case "adversarial":
            return json.dumps(hostile(schema or {"type": "string"}), ensure_ascii=False)
    return text


def _form(body: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """Name and schema of what is asked for; in json_mode the schema stands in the prompt."""
    asked = body.get("response_format") or {}
    if asked.get("type") == "json_schema":
        return str(asked["json_schema"].get("name", "")), asked["json_schema"].get("schema")
    tools = body.get("tools") or []
    if len(tools) == 1:
        return str(tools[0]["function"]["name"]), tools[0]["function"].get("parameters")
    for message in body.get("messages", ()):
        _, mark, after = _text(message).partition(_SCHEMA_MARK)
        if mark and asked.get("type") == "json_object":
            return "", dict(json.loads(after))
    return "", None


def _method(body: dict[str, Any]) -> str:
    kind = (body.get("response_format") or {}).get("type")
    if kind == "json_schema":
        return "json_schema"
    if kind == "json_object":
        return "json_mode"
    return "function_calling" if body.get("tools") else ""


def _call(name: str, arguments: str, number: int) -> dict[str, Any]:
    return {"id": f"call_fake_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _usage(body: dict[str, Any], message: dict[str, Any], prefix_seen: bool) -> dict[str, Any]:
    prompt = sum(len(_text(m)) for m in body.get("messages", ())) // _CHARACTERS_PER_TOKEN + 1
    answer = len(json.dumps(message)) // _CHARACTERS_PER_TOKEN + 1
    cached = len(system_of(body)) // _CHARACTERS_PER_TOKEN if prefix_seen else 0
    counted = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    return {**counted, "prompt_tokens_details": {"cached_tokens": cached}}


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else json.dumps(content) if content else ""
