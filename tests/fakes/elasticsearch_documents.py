# ruff: noqa: S608 - tables of our own
"""The writing half of the fake Elasticsearch: index templates, data streams, indices and _bulk, as strict as the real one."""

import fnmatch
from datetime import datetime
from typing import Any

import duckdb

from tests.fakes.elasticsearch_sql import Refused

DUCK = {"keyword": "VARCHAR", "wildcard": "VARCHAR", "double": "DOUBLE", "float": "FLOAT", "long": "BIGINT", "date": "TIMESTAMP"}


class Documents:
    """Templates and the tables that stand for indices."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.templates: dict[str, dict[str, Any]] = {}
        self.streams: set[str] = set()
        self.ids: dict[str, set[str]] = {}
        self.types: dict[str, dict[str, str]] = {}

    def route(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """Answer a writing request; Refused for one it does not know."""
        first, *rest = path.strip("/").split("/")
        if first == "_index_template" and method == "PUT":
            self.templates[rest[0]] = body
            return {"acknowledged": True}
        if first == "_data_stream" and method == "PUT":
            self._create(rest[0], stream=True)
            return {"acknowledged": True}
        if first == "_data_stream" and method == "GET":
            found = [s for s in self.streams if fnmatch.fnmatch(s, rest[0])] if rest else sorted(self.streams)
            if not found:
                raise Refused("index_not_found_exception", f"no such index [{rest[0]}]", 404)
            return {"data_streams": [{"name": name} for name in found]}
        if path.endswith("_bulk"):
            return self._bulk(body, first if rest else "")
        if rest == ["_refresh"] or first == "_refresh":
            return {"_shards": {"total": 1, "successful": 1, "failed": 0}}
        if method == "PUT" and not rest:
            self._create(first, stream=False)
            return {"acknowledged": True, "shards_acknowledged": True, "index": first}
        raise Refused("illegal_argument_exception", f"no handler found for uri [{path}] and method [{method}]")

    def _template(self, name: str) -> dict[str, Any] | None:
        fitting = [t for t in self.templates.values() if any(fnmatch.fnmatch(name, p) for p in t["index_patterns"])]
        return max(fitting, key=lambda t: t.get("priority", 0), default=None)

    def _create(self, name: str, *, stream: bool) -> None:
        template = self._template(name)
        if name in self.ids:
            raise Refused("resource_already_exists_exception", f"index [{name}] already exists")
        if stream and not (template and "data_stream" in template):
            raise Refused("illegal_argument_exception", f"no matching index template found for data stream [{name}]")
        if template is None:
            raise Refused("illegal_argument_exception", f"[{name}] would get a dynamic mapping")
        properties = template["template"]["mappings"]["properties"]
        columns = ", ".join(f'"{field}" {DUCK[spec["type"]]}' for field, spec in properties.items())
        self.connection.execute(f'CREATE TABLE "{name}" ({columns})')
        self.types[name] = {field: DUCK[spec["type"]] for field, spec in properties.items()}
        self.ids[name] = set()
        if stream:
            self.streams.add(name)

    def _bulk(self, lines: list[Any], default: str) -> Any:
        items = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            operation, meta = next(iter(action.items()))
            items.append({operation: self._one(operation, meta.get("_index", default), meta.get("_id"), document)})
        return {"took": 1, "errors": any("error" in next(iter(i.values())) for i in items), "items": items}

    def _one(self, operation: str, index: str, identity: str | None, document: dict[str, Any]) -> dict[str, Any]:
        try:
            self._checked(operation, index, identity, document)
        except Refused as bad:
            return {"_index": index, "status": bad.status, "error": {"type": bad.kind, "reason": bad.reason}}
        return {"_index": index, "_id": identity or "", "status": 201, "result": "created"}

    def _checked(self, operation: str, index: str, identity: str | None, document: dict[str, Any]) -> None:
        if index not in self.ids:
            self._create(index, stream=bool((t := self._template(index)) and "data_stream" in t))
        if index in self.streams and operation != "create":
            reason = "only write ops with an op_type of create are allowed in data streams"
            raise Refused("illegal_argument_exception", reason)
        if index in self.streams and "@timestamp" not in document:
            raise Refused("document_parsing_exception", "data stream timestamp field [@timestamp] is missing")
        if identity is not None and operation == "create" and identity in self.ids[index]:
            raise Refused("version_conflict_engine_exception", f"[{identity}]: document already exists", 409)
        types = self.types[index]
        for name, value in document.items():
            if name not in types:
                reason = f"mapping set to strict, dynamic introduction of [{name}] within [_doc] is not allowed"
                raise Refused("strict_dynamic_mapping_exception", reason)
            if value is not None and not _fits(value, types[name]):
                raise Refused("document_parsing_exception", f"failed to parse field [{name}]: '{value}'")
        if identity is not None:
            self.ids[index].add(identity)
        names, marks = ", ".join(f'"{n}"' for n in document), ", ".join("?" * len(document))
        self.connection.execute(f'INSERT INTO "{index}" ({names}) VALUES ({marks})', list(document.values()))


def _fits(value: Any, kind: str) -> bool:
    match kind:
        case "TIMESTAMP":
            try:
                return bool(datetime.fromisoformat(value))
            except (TypeError, ValueError):
                return False
        case "BIGINT":
            return isinstance(value, int) and not isinstance(value, bool)
        case "DOUBLE" | "FLOAT":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, str)
