"""A strict check of requests against Elastic's own API metamodel (schema.json of @elastic/request-converter, Apache-2.0).

Unknown properties, wrong types, missing required ones and unknown endpoints are problems, each with its path.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.shared_data import shared_folder

_BUILTINS: dict[str, Any] = {
    "string": (str,), "boolean": (bool, str), "number": (int, float), "integer": (int,), "null": (type(None),),
    "float": (int, float), "double": (int, float), "long": (int,),
    "short": (int,), "byte": (int,), "uint": (int,), "ulong": (int,),
}  # fmt: skip


class Schema:
    """The endpoints and types of one Elasticsearch version."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._types = {(t["name"]["namespace"], t["name"]["name"]): t for t in document["types"]}
        self._routes = [
            (set(url["methods"]), re.compile("^" + re.sub(r"\{\w+\}", "[^/]+", url["path"]) + "$"), endpoint)
            for endpoint in document["endpoints"]
            for url in endpoint["urls"]
        ]

    def problems(self, method: str, path: str, query: Mapping[str, str], body: Any) -> list[str]:
        """What is wrong with a request; empty when nothing is."""
        found = [e for methods, pattern, e in self._routes if method in methods and pattern.match(path)]
        if not found:
            return [f"{method} {path}: no such endpoint"]
        endpoint = min(found, key=lambda e: sum("{" in u["path"] for u in e["urls"]))
        request = self._types[endpoint["request"]["namespace"], endpoint["request"]["name"]]
        problems = list(self._query(request, query))
        parts = request["body"]
        if parts["kind"] == "properties" and body is not None:
            problems += self._object(body, [parts], endpoint["name"])
        elif parts["kind"] == "value" and body is not None:
            problems += self._value(body, parts["value"], endpoint["name"])
        return problems

    def _query(self, request: Mapping[str, Any], query: Mapping[str, str]) -> Iterator[str]:
        known = {p["name"] for p in request.get("query", [])} | {"pretty", "human", "error_trace", "filter_path"}
        for name in query:
            if name not in known:
                yield f"unknown query parameter '{name}'"

    def _object(self, value: Any, levels: list[Mapping[str, Any]], path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path}: an object is expected"
            return
        known = {p["name"]: p for level in levels for p in level.get("properties", [])}
        known |= {alias: p for p in list(known.values()) for alias in p.get("aliases", [])}
        for name, inner in value.items():
            if name not in known:
                yield f"{path}: unknown property '{name}'"
            else:
                yield from self._value(inner, known[name]["type"], f"{path}.{name}")
        for name, spec in known.items():
            if spec.get("required") and name == spec["name"] and name not in value:
                yield f"{path}: '{name}' is missing"

    def _value(self, value: Any, kind: Mapping[str, Any], path: str) -> list[str]:
        match kind["kind"]:
            case "instance_of":
                return self._instance(value, kind, path)
            case "array_of":
                if not isinstance(value, list):
                    return self._value(value, kind["value"], path)
                return [p for i, v in enumerate(value) for p in self._value(v, kind["value"], f"{path}[{i}]")]
            case "dictionary_of":
                if not isinstance(value, dict):
                    return [f"{path}: an object is expected"]
                return [p for k, v in value.items() for p in self._value(v, kind["value"], f"{path}.{k}")]
            case "union_of":
                tried = [self._value(value, item, path) for item in kind["items"]]
                return min(tried, key=len) if all(tried) else []
            case "literal_value":
                return [] if value == kind["value"] else [f"{path}: {kind['value']!r} is expected"]
        return []

    def _instance(self, value: Any, kind: Mapping[str, Any], path: str) -> list[str]:
        name = kind["type"]["namespace"], kind["type"]["name"]
        if name[0] == "_builtins":
            wanted = _BUILTINS.get(name[1])
            return [] if wanted is None or isinstance(value, wanted) else [f"{path}: {name[1]} is expected"]
        spec = self._types.get(name)
        if spec is None:
            return []
        match spec["kind"]:
            case "type_alias":
                return self._value(value, spec["type"], path)
            case "enum":
                members = {m["name"] for m in spec["members"]} | {a for m in spec["members"] for a in m.get("aliases", [])}
                ok = spec.get("isOpen") or value in members or str(value).lower() in members
                return [] if ok else [f"{path}: '{value}' is none of {sorted(members)[:6]}"]
            case "interface":
                if spec.get("shortcutProperty") and not isinstance(value, dict):
                    return []
                return list(self._object(value, list(self._levels(spec)), path)) if not self._open(spec) else []
        return []

    def _levels(self, spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield spec
        if spec.get("inherits"):
            above = self._types.get((spec["inherits"]["type"]["namespace"], spec["inherits"]["type"]["name"]))
            if above:
                yield from self._levels(above)

    def _open(self, spec: Mapping[str, Any]) -> bool:
        return any(level.get("behaviors") or level.get("generics") for level in self._levels(spec))


@cache
def load(path: Path) -> Schema:
    return Schema(json.loads(path.read_text(encoding="utf-8")))


@cache
def schema() -> Schema | None:
    """The metamodel of 9.5; none where the outside data is absent."""
    path = shared_folder() / "specs" / "elasticsearch" / "schema-9.5.trim.json"
    return load(path) if path.exists() else None
