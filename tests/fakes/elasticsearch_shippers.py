# ruff: noqa: S608 - tables of our own
"""A fake Elasticsearch that holds what official shippers write: patterns over indices, mappings of their own, and privileges.

`_resolve/index`, `_has_privileges` and the settings are not in the trimmed API schema; their rules here are written from the
documentation (Elasticsearch 9, REST APIs).
"""

import fnmatch
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.fakes.elasticsearch import FakeElasticsearch, error
from tests.fakes.elasticsearch_sql import Refused

DUCK = {"date": "TIMESTAMP", "long": "BIGINT", "integer": "BIGINT", "float": "DOUBLE", "double": "DOUBLE", "boolean": "BOOLEAN"}
"""Type of a mapping → DuckDB; everything else is text."""
_FROM = re.compile(r'FROM "([^"]+)"')
Flat = dict[str, Any]


@dataclass
class ShipperElasticsearch(FakeElasticsearch):
    """Indices with mappings of their own, beside what the plain fake can do."""

    mappings: dict[str, dict[str, str]] = field(default_factory=dict)
    """Index → field → type."""
    of_stream: dict[str, str] = field(default_factory=dict)
    """Backing index → data stream."""
    units: dict[str, str] = field(default_factory=dict)
    """Field → meta.unit."""
    granted: dict[str, set[str]] | None = None
    """Pattern of names → privileges; None: the user may do all."""
    security: bool = True
    limits: dict[str, str] = field(default_factory=dict)
    """Settings that are not the defaults."""
    version: dict[str, str] | None = field(default_factory=lambda: {"number": "9.5.0"})
    """None: the key may not ask for it."""
    clock_off: timedelta = timedelta(0)
    scripts: dict[str, str] = field(default_factory=dict)
    """Painless → DuckDB text that gives the same; any other script does not compile."""

    def put(self, name: str, mapping: Mapping[str, str], documents: list[Flat], *, stream: bool = False) -> None:
        """An index, or a data stream over one, with documents as flat fields. A text's keyword sub-field is filled with it."""
        index = f".ds-{name}-2026.05.01-000001" if stream else name
        if stream:
            self.of_stream[index] = name
        self.mappings[name] = dict(mapping)
        columns = ", ".join(f'"{f}" {DUCK.get(mapping[f], "VARCHAR")}' for f in _columns(mapping))
        self.connection.execute(f'CREATE OR REPLACE TABLE "{name}.rows" ({columns})')
        unknown = {f for document in documents for f in document} - set(mapping)
        assert not unknown, f"{name}: {unknown} are not in the mapping"
        fields = _columns(mapping)
        rows = [[document.get(f, document.get(f.removesuffix(".keyword"))) for f in fields] for document in documents]
        if rows:
            marks = ", ".join("?" * len(fields))
            self.connection.executemany(f'INSERT INTO "{name}.rows" VALUES ({marks})', rows)
        self.forget()

    def answer(self, method: str, target: str, body: bytes, headers: Any) -> tuple[int, Any]:
        """The two endpoints that the schema does not have; the plain fake answers the rest."""
        path = unquote(urlsplit(target).path)
        resolve = path.startswith("/_resolve/index/")
        settings = path == "/_cluster/settings" or path.endswith("/_settings/index.max_result_window")
        if not resolve and not settings and path != "/_security/user/_has_privileges":
            return super().answer(method, target, body, headers)
        sent = json.loads(body) if body else None
        self.requests.append((method, path, sent))
        fault = self._fault(path)
        if fault:
            return fault.status, error(fault.kind, fault.reason, fault.status)
        if not self._known(headers):
            return 401, error("security_exception", "missing authentication credentials", 401)
        if settings:
            return 200, self._settings(path)
        if resolve:
            return 200, self._resolved(path.removeprefix("/_resolve/index/"))
        if not self.security:
            return 400, {"error": f"no handler found for uri [{path}] and method [{method}]"}
        return self._privileges(sent)

    def _resolved(self, pattern: str) -> Any:
        plain = [n for n in self.mappings if n not in self.of_stream.values()]
        indices: list[Any] = [{"name": n, "attributes": ["open"]} for n in plain]
        indices += [{"name": n, "attributes": ["hidden", "open"], "data_stream": s} for n, s in self.of_stream.items()]
        streams = [{"name": s, "backing_indices": [n], "timestamp_field": "@timestamp"} for n, s in self.of_stream.items()]
        return {
            "indices": [i for i in indices if _under(i["name"], pattern)],
            "aliases": [],
            "data_streams": [s for s in streams if _under(str(s["name"]), pattern)],
        }

    def _settings(self, path: str) -> Any:
        """Flat, with defaults, as they are asked for."""
        if path == "/_cluster/settings":
            defaults = {"search.max_buckets": "65536", "esql.query.result_truncation_max_size": "10000"}
            return {"persistent": {n: v for n, v in self.limits.items() if n in defaults}, "transient": {}, "defaults": defaults}
        window = "index.max_result_window"
        own = {n: v for n, v in self.limits.items() if n == window}
        names = self._matching(path.strip("/").partition("/")[0])
        return {n: {"settings": own, "defaults": {} if own else {window: "10000"}} for n in names}

    def _privileges(self, sent: Any) -> tuple[int, Any]:
        if set(sent) - {"index", "cluster", "application"} or not all(set(i) == {"names", "privileges"} for i in sent["index"]):
            return 400, error("illegal_argument_exception", "unknown field", 400)
        answer: dict[str, dict[str, bool]] = {}
        for one in sent["index"]:
            for name in one["names"]:
                may = (
                    set(one["privileges"])
                    if self.granted is None
                    else {p for pattern, some in self.granted.items() if fnmatch.fnmatchcase(name, pattern) for p in some}
                )
                answer[name] = {p: p in may for p in one["privileges"]}
        every = all(v for privileges in answer.values() for v in privileges.values())
        return 200, {"username": "u", "has_all_requested": every, "cluster": {}, "index": answer, "application": {}}

    def _route(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        index, _, last = path.strip("/").rpartition("/")
        if path == "/":
            if self.version is None:
                raise Refused("security_exception", "action [cluster:monitor/main] is unauthorized", 403)
            return {"name": "fake", "cluster_name": "fake", "version": self.version, "tagline": "You Know, for Search"}
        if last == "_search" and index:
            return self._sampled(index, body)
        return super()._route(method, path, query, body)

    def _matching(self, pattern: str) -> list[str]:
        return sorted(n for n in self.mappings if _under(n, pattern))

    def _caps(self, pattern: str) -> Any:
        found = self._matching(pattern)
        if not found:
            return super()._caps(pattern)
        fields: dict[str, dict[str, Any]] = {}
        for name in found:
            for column, kind in self.mappings[name].items():
                said: dict[str, Any] = {"type": kind, "metadata_field": False, "searchable": True}
                said["aggregatable"] = kind not in ("text", "match_only_text")
                said |= {"meta": {"unit": [self.units[column]]}} if column in self.units else {}
                fields.setdefault(column, {})[kind] = said
        return {"indices": found, "fields": fields}

    def _query(self, body: dict[str, Any]) -> Any:
        if body["query"] == "SELECT CURRENT_TIMESTAMP() AS now":
            now = datetime.now(UTC) + self.clock_off
            return {"columns": [{"name": "now", "type": "datetime"}], "rows": [[_json(now.replace(tzinfo=None))]]}
        for pattern in _FROM.findall(body["query"]):
            self._show(pattern, body.get("runtime_mappings") or {})
        return super()._query(body)

    def _translate(self, body: dict[str, Any]) -> Any:
        for pattern in _FROM.findall(body["query"]):
            self._show(pattern, {})
        return super()._translate(body)

    def _esql(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        if body["query"] == "ROW now = NOW() | LIMIT 1":
            now = datetime.now(UTC) + self.clock_off
            return {
                "columns": [{"name": "now", "type": "date"}],
                "values": [[_json(now.replace(tzinfo=None))]],
                "is_partial": False,
            }
        for pattern in _FROM.findall(body["query"]):
            self._show(pattern, {})
        return super()._esql(body, query)

    def _show(self, pattern: str, runtime: dict[str, Any]) -> None:
        """A view under the name of a pattern, with its runtime fields; the indices below it must have the same mapping."""
        found = self._matching(pattern)
        if not found:
            return
        if any(self.mappings[n] != self.mappings[found[0]] for n in found):
            raise Refused("verification_exception", f"[{pattern}] points to indices with different mappings")
        made = "".join(f', {self._worked_out(pattern, name, one)} AS "{name}"' for name, one in runtime.items())
        rows = " UNION ALL ".join(f'SELECT *{made} FROM "{n}.rows"' for n in found)
        self.connection.execute(f'CREATE OR REPLACE VIEW "{pattern}" AS {rows}')
        self.forget()

    def _worked_out(self, pattern: str, name: str, one: dict[str, Any]) -> str:
        """What stands for a script: Painless is not run here, so each script that is known has its DuckDB text."""
        if set(one) != {"type", "script"} or one["type"] not in ("keyword", "long", "double", "date"):
            raise Refused("mapper_parsing_exception", f"unknown parameter of runtime field [{name}]")
        text = self.scripts.get(one["script"]["source"])
        if text is None:
            raise Refused("script_exception", f"compile error in the script of [{name}]")
        there = {column for index in self._matching(pattern) for column in self.mappings[index]}
        for column in re.findall(r'"([^"]+)"', text):
            if column not in there:
                text = text.replace(f'"{column}"', "NULL")
        return text

    def _sampled(self, pattern: str, body: Any) -> Any:
        """The newest documents' fields; any other search is refused."""
        if set(body) - {"size", "_source", "fields", "sort", "track_total_hits"} or body.get("_source") is not False:
            raise Refused("parsing_exception", f"not a search that is known here: {sorted(body)}")
        names = [one["field"] for one in body["fields"]]
        hits: list[Any] = []
        for name in self._matching(pattern):
            there = [n for n in names if n in _columns(self.mappings[name])]
            by = [f'"{f}" DESC NULLS LAST' for order in body.get("sort") or [] for f in order if f in self.mappings[name]]
            order = f" ORDER BY {', '.join(by)}" if by else ""
            shown = ", ".join(f'"{n}"' for n in there) or "1"
            rows = self.connection.execute(f'SELECT {shown} FROM "{name}.rows"{order} LIMIT {int(body["size"])}').fetchall()
            for row in rows:
                fields = {n: [_json(v)] for n, v in zip(there, row, strict=False) if v is not None}
                hits.append({"_index": name, "_id": str(len(hits)), "_score": None, "fields": fields})
        return {"took": 1, "timed_out": False, "_shards": {}, "hits": {"max_score": None, "hits": hits[: body["size"]]}}


def _columns(mapping: Mapping[str, str]) -> list[str]:
    """Fields that have a column. DuckDB knows no case: of names that differ only there, all but the first are empty."""
    return list({f.lower(): f for f in reversed(list(mapping))}.values())[::-1]


def _under(name: str, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name, one) for one in pattern.split(","))


def _json(value: Any) -> Any:
    return value.isoformat(timespec="milliseconds") + "Z" if hasattr(value, "isoformat") else value
