# ruff: noqa: S608 - tables of our own
"""An Elasticsearch on loopback that speaks what we use of it: _sql, _query, _field_caps, _bulk, templates and data streams.

It is strict where the real one is, may be told to fail, and keeps what it was asked. It holds its rows in DuckDB.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import duckdb

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.query.compile.es_sql_names import own_index
from tests.fakes.elasticsearch_documents import Documents
from tests.fakes.elasticsearch_esql import Held, translated
from tests.fakes.elasticsearch_schema import schema
from tests.fakes.elasticsearch_sql import Refused, read, type_of

MOST_ROWS = 10_000
"""index.max_result_window."""
CAPS = {"VARCHAR": "keyword", "DOUBLE": "double", "FLOAT": "float", "BIGINT": "long", "INTEGER": "integer", "TIMESTAMP": "date"}


@dataclass
class Fault:
    """What goes wrong, for how many of the requests whose path begins with `path`."""

    path: str = "/_sql"
    status: int = 0
    kind: str = "circuit_breaking_exception"
    reason: str = "injected"
    times: int = 1
    after: int = 0
    """Requests that go well before."""
    delay_s: float = 0.0
    body: dict[str, Any] | None = None


@dataclass
class Cursor:
    rows: list[list[Any]]
    size: int


@dataclass
class FakeElasticsearch:
    """State behind the server."""

    connection: duckdb.DuckDBPyConnection = field(default_factory=lambda: duckdb.connect(":memory:"))
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Requests that Elastic's own schema does not allow, and what is wrong with them."""
    cursors: dict[str, Cursor] = field(default_factory=dict)
    api_key: str = ""
    password: str = ""
    product: str = "Elasticsearch"
    url: str = ""
    lookups: frozenset[str] = frozenset()
    """Indices in lookup mode."""
    series: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Time series data streams, with their dimensions."""
    counters: frozenset[str] = frozenset()
    """Fields that are counters there."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    _known_columns: tuple[int, dict[str, dict[str, str]]] | None = None

    def __post_init__(self) -> None:
        self.documents = Documents(self.connection)

    # ---- filling -----------------------------------------------------------------------------------------------
    def hold(self, fleet: Path, catalog: Catalog, prefix: str = "llo11ypop-") -> None:
        """Show a simulated fleet's file as the indices our loader writes. JSON has no NaN, so a NaN is a missing field."""
        self.connection.execute(f"ATTACH '{fleet}' AS fleet (READ_ONLY)")
        self.show("fleet.main", catalog, prefix)

    def show(self, source: str, catalog: Catalog, prefix: str = "llo11ypop-") -> None:
        database, _, space = source.partition(".")
        found = self.connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_catalog = ? AND table_schema = ?",
            [database, space],
        ).fetchall()
        for name, dataset in catalog.datasets.items():
            columns = [(c, t) for table, c, t in found if table == name]
            if columns:
                index = own_index(dataset, prefix)
                shown = ", ".join(_shown(c, t, index.columns[c].name) for c, t in columns if c in index.columns)
                self.connection.execute(f'CREATE OR REPLACE VIEW "{index.pattern}" AS SELECT {shown} FROM {source}."{name}"')

    def columns(self) -> dict[str, dict[str, str]]:
        """Field → DuckDB type of every index; asked for again only when one was created."""
        known = self._known_columns
        if known is not None and known[0] == len(self.documents.ids):
            return known[1]
        found: dict[str, dict[str, str]] = {}
        rows = self.connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_catalog = 'memory' AND table_schema = 'main'"
        ).fetchall()
        for table, column, kind in rows:
            found.setdefault(table, {})[column] = kind
        self._known_columns = (len(self.documents.ids), found)
        return found

    def forget(self) -> None:
        """Look at the mappings again: a test has changed a table."""
        self._known_columns = None

    # ---- answering ---------------------------------------------------------------------------------------------
    def answer(self, method: str, target: str, body: bytes, headers: Any) -> tuple[int, Any]:
        """(status, JSON) for a request."""
        parts = urlsplit(target)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
        many = path.endswith("/_bulk") or path == "/_bulk"
        sent: Any = [json.loads(line) for line in body.splitlines() if line] if many else json.loads(body) if body else None
        with self.lock:
            self.requests.append((method, path, sent))
            fault = self._fault(path)
        if fault:
            time.sleep(fault.delay_s)
            if fault.body is not None:
                return fault.status or 200, fault.body
            if fault.status:
                return fault.status, error(fault.kind, fault.reason, fault.status)
        if not self._known(headers):
            return 401, error("security_exception", "missing authentication credentials", 401)
        checked = schema()
        if checked:
            wrong = checked.problems(method, path, query, None if many else sent)
            if wrong:
                self.problems += wrong
                return 400, error("illegal_argument_exception", "; ".join(wrong), 400)
        try:
            with self.lock:
                return 200, self._route(method, path, query, sent)
        except Refused as bad:
            return bad.status, error(bad.kind, bad.reason, bad.status)

    def _fault(self, path: str) -> Fault | None:
        for fault in self.faults:
            if path.startswith(fault.path) and fault.times:
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    def _known(self, headers: Any) -> bool:
        given = headers.get("authorization", "")
        if self.api_key:
            return bool(given == f"ApiKey {self.api_key}")
        wanted = "Basic " + base64.b64encode(f"elastic:{self.password}".encode()).decode()
        return not self.password or given == wanted

    def _route(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        if path == "/_sql":
            return self._page(body["cursor"]) if "cursor" in body else self._query(body)
        if path == "/_sql/translate":
            return self._translate(body)
        if path == "/_query":
            return self._esql(body, query)
        if path == "/_sql/close":
            return {"succeeded": self.cursors.pop(body["cursor"], None) is not None}
        if path.endswith("/_field_caps"):
            return self._caps(path.removesuffix("/_field_caps").strip("/"))
        if path == "/":
            return {"name": "fake", "version": {"number": "9.5.0"}, "tagline": "You Know, for Search", "cluster_name": "fake"}
        return self.documents.route(method, path, query, body)

    def _query(self, body: dict[str, Any]) -> Any:
        if body.get("allow_partial_search_results") is not False or body.get("time_zone") != "Z":
            raise Refused("rule_of_ours", "say allow_partial_search_results false and time_zone Z")
        statement = read(body["query"], self.columns())
        size = body.get("fetch_size", 1000)
        if size > MOST_ROWS and not statement.grouped:
            raise Refused("illegal_argument_exception", f"Result window is too large: [{size}]")
        if body["query"].count("?") != len(body.get("params") or []):
            raise Refused("parsing_exception", "Not enough actual parameters")
        try:
            done = self.connection.cursor().execute(statement.duck, body.get("params") or [])
            columns = [{"name": c[0], "type": type_of(c[1])} for c in done.description]
            rows = [[_json(v) for v in row] for row in done.fetchall()]
        except duckdb.Error as bad:
            raise Refused("verification_exception", f"{str(bad).splitlines()[0]} in {statement.duck}") from bad
        return {"columns": columns, **self._slice(rows, size)}

    def _translate(self, body: dict[str, Any]) -> Any:
        statement = read(body["query"], self.columns(), literals=True)
        try:
            self.connection.cursor().execute(f"EXPLAIN {statement.duck}")
        except duckdb.Error as bad:
            raise Refused("verification_exception", f"{str(bad).splitlines()[0]} in {statement.duck}") from bad
        return {"size": 0}

    def _esql(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        if query.get("allow_partial_results") != "false":
            raise Refused("rule_of_ours", "say allow_partial_results false")
        params = body.get("params") or []
        held = Held(self.columns(), self.lookups, self.series, self.counters)
        made = translated(body["query"], held, params)
        try:
            rows = [[_json(v) for v in row] for row in self.connection.cursor().execute(made.sql, params).fetchall()]
        except duckdb.Error as bad:
            raise Refused("verification_exception", f"{str(bad).splitlines()[0]} in {made.sql}") from bad
        columns = [{"name": name, "type": kind} for name, kind in made.fields.items()]
        return {"took": 1, "is_partial": False, "columns": columns, "values": rows}

    def _page(self, name: str) -> Any:
        held = self.cursors.pop(name, None)
        if held is None:
            raise Refused("search_context_missing_exception", f"No search context found for id [{name}]", 404)
        return self._slice(held.rows, held.size)

    def _slice(self, rows: list[list[Any]], size: int) -> dict[str, Any]:
        page: dict[str, Any] = {"rows": rows[:size]}
        if len(rows) > size:
            page["cursor"] = f"cursor-{len(self.requests)}-{len(rows)}"
            self.cursors[page["cursor"]] = Cursor(rows[size:], size)
        return page

    def _caps(self, pattern: str) -> Any:
        fields = {c: CAPS.get(t, "object") for c, t in self.columns().get(pattern, {}).items()}
        capable = {
            c: {t: {"type": t, "searchable": True, "aggregatable": True, "metadata_field": False}} for c, t in fields.items()
        }
        if pattern in self.series:
            for name in self.counters & set(fields):
                capable[name][fields[name]]["time_series_metric"] = "counter"
            for name in set(self.series[pattern]) & set(fields):
                capable[name][fields[name]]["time_series_dimension"] = True
        return {"indices": [pattern] if fields else [], "fields": capable}


def _shown(column: str, kind: str, name: str) -> str:
    text = f'"{column}"'
    if kind in ("FLOAT", "DOUBLE"):
        text = f"CASE WHEN NOT isnan({text}) THEN {text} END"
    return f'{text} AS "{name}"'


def _json(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat(timespec="milliseconds") + "Z"
    return float(value) if type(value).__name__ == "Decimal" else value


def error(kind: str, reason: str, status: int) -> dict[str, Any]:
    """An error body as Elasticsearch writes it."""
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


@contextmanager
def serving(fake: FakeElasticsearch) -> Iterator[FakeElasticsearch]:
    """The fake behind a port of its own on loopback; its address is in `url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, answer = fake.answer(self.command, self.path, body, self.headers)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", self.headers.get("accept") or "application/json")
            self.send_header("X-Elastic-Product", fake.product)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _serve

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that gives up hangs up; that is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
