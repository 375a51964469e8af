"""Atlassian's own description of Jira Cloud's REST API v3 and of the document format, as judges of what goes over the wire.

They lie beside the checkout, not in it; without them the fake is strict by itself only.
"""

import json
import re
from functools import cache
from typing import Any

from jsonschema import Draft4Validator, Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.fakes.faulty_http import Call, Reply
from tests.shared_data import shared_folder

_HOME = "urn:jira"


@cache
def spec() -> dict[str, Any] | None:
    path = shared_folder() / "specs" / "jira" / "openapi-cloud-v3.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


@cache
def _document() -> Draft4Validator | None:
    path = shared_folder() / "specs" / "jira" / "adf-full.schema.json"
    return Draft4Validator(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def problems_of_document(body: Any) -> list[str]:
    """What is wrong with an Atlassian document."""
    judge = _document()
    return [] if judge is None else [f"ADF: {e.message[:200]}" for e in judge.iter_errors(_sample(body))][:3]


def _sample(node: Any) -> Any:
    """A document with two of everything that repeats: the schema takes a second for a table of ten rows."""
    if not isinstance(node, dict) or not isinstance(node.get("content"), list):
        return node
    kept = node["content"] if node.get("type") == "doc" else node["content"][:2]
    seen: set[Any] = set()
    parts = [_sample(part) for part in kept]
    if node.get("type") == "doc":
        parts = [p for p in parts if not ((shape := _shape(p)) in seen or seen.add(shape))]
    return {**node, "content": parts}


def _shape(node: Any) -> Any:
    """What a part is made of, whatever it says."""
    if not isinstance(node, dict):
        return type(node).__name__
    inner = node.get("content")
    return (tuple(sorted(node)), node.get("type"), tuple(map(_shape, inner)) if isinstance(inner, list) else type(inner).__name__)


def problems(call: Call, reply: Reply) -> list[str]:
    """What is wrong with an exchange by the description; nothing where there is none."""
    found = _operation(call)
    if spec() is None:
        return []
    if found is None:
        return [f"{call.method} {call.path} is no operation of API v3"]
    known = {p["name"] for p in map(_resolved, found.get("parameters", ())) if p["in"] == "query"}
    wrong = [f"{call.method} {call.path}: no query parameter {name}" for name in call.query if name not in known]
    content = found.get("requestBody", {}).get("content", {})
    if "application/json" in content and call.body:
        wrong += _judged(f"{call.method} {call.path} request", content["application/json"]["schema"], call.json)
    answers = found["responses"]
    if str(reply.status) not in answers and reply.status < 400:
        wrong.append(f"{call.method} {call.path} does not answer {reply.status}")
    schema = answers.get(str(reply.status), {}).get("content", {}).get("application/json", {}).get("schema")
    if schema and reply.body is not None and reply.status < 300:
        wrong += _judged(f"{call.method} {call.path} answer", schema, _told(reply.body))
    return wrong


def _told(body: Any) -> Any:
    """An answer without its nulls: Jira sends them where the description names a type only."""
    if isinstance(body, dict):
        return {k: _told(v) for k, v in body.items() if v is not None}
    return [_told(v) for v in body] if isinstance(body, list) else body


def _operation(call: Call) -> dict[str, Any] | None:
    whole = spec()
    if whole is None:
        return None
    for template, methods in _templates():
        if template.fullmatch(call.path) and call.method.lower() in methods:
            found: dict[str, Any] = methods[call.method.lower()]
            return found
    return None


@cache
def _templates() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    paths = (spec() or {}).get("paths", {})
    exact_first = sorted(paths, key=lambda p: p.count("{"))
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", p)), paths[p]) for p in exact_first]


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        node: Any = spec()
        for name in part["$ref"].removeprefix("#/").split("/"):
            node = node[name]
        return dict(node)
    return part


def _judged(what: str, schema: dict[str, Any], body: Any) -> list[str]:
    judge = _judge(json.dumps(schema).replace("#/components", f"{_HOME}#/components"))
    return [f"{what}: {'/'.join(map(str, e.absolute_path))} {e.message[:160]}" for e in judge.iter_errors(body)][:3]


@cache
def _judge(schema: str) -> Draft202012Validator:
    return Draft202012Validator(_nullable(json.loads(schema)), registry=_registry())


@cache
def _registry() -> Registry[Any]:
    """The description's schemas, indexed once: they are two megabytes."""
    schemas = {"components": {"schemas": _nullable((spec() or {})["components"]["schemas"])}}
    return Registry().with_resource(_HOME, DRAFT202012.create_resource(schemas))


def _nullable(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema, and no `discriminator`s."""
    if isinstance(node, list):
        return [_nullable(n) for n in node]
    if not isinstance(node, dict):
        return node
    out = {k: _nullable(v) for k, v in node.items() if k not in ("discriminator", "xml", "example")}
    if out.pop("nullable", False) is True and isinstance(out.get("type"), str):
        out["type"] = [out["type"], "null"]
    if out.get("readOnly") is True:
        out.pop("readOnly")
    return out
