"""A strict PagerDuty, written from its public documentation (developer docs, 2026-03): Events API v2 and the REST calls we make.

An event with a key it does not know opens an incident; the same key again adds to the open one; acknowledge and resolve of a key
that is not open are dropped. Nobody has compared it with the real service.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.faulty_http import Call, Reply, dispatch

Json = dict[str, Any]
ROUTING_KEY = "r" * 32
ANA = {"id": "PANA", "type": "user_reference", "summary": "Ana Diaz"}
SERVICE = {"id": "PSVC", "type": "service_reference", "summary": "GPU fleet"}
_EVENT = {"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"}
_PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}
_SEVERITIES = ("critical", "error", "warning", "info")
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "summary": lambda v: isinstance(v, str) and 0 < len(v) <= 1024,
    "source": lambda v: isinstance(v, str) and bool(v),
    "severity": lambda v: v in _SEVERITIES,
    "component": lambda v: isinstance(v, str),
    "group": lambda v: isinstance(v, str),
    "class": lambda v: isinstance(v, str),
    "custom_details": lambda v: isinstance(v, dict),
    "timestamp": lambda v: isinstance(v, str) and bool(datetime.fromisoformat(v)),
}


@dataclass
class FakePagerDuty:
    """The state of an account; `handle` is both of its HTTP APIs."""

    token: str = "pd-t0ken"
    secret: str = "pd-s3cret"
    incidents: list[Json] = field(default_factory=list)
    notifications: list[str] = field(default_factory=list)
    """Keys of incidents that woke somebody, in order."""
    now: datetime = datetime(2026, 5, 1, 12, tzinfo=UTC)
    with_keys: bool = True
    """Whether incidents name their key themselves; those made of alerts do not."""
    _serial: int = 0

    def handle(self, call: Call) -> Reply:
        if call.path == "/v2/enqueue":
            return self._enqueue(call) if call.method == "POST" else Reply(405)
        if call.headers.get("Authorization") != f"Token token={self.token}":
            return Reply(401, {"error": {"message": "Unauthorized", "code": 2006}})
        if "application/vnd.pagerduty+json;version=2" not in call.headers.get("Accept", ""):
            return Reply(406)
        return dispatch(
            [
                ("GET", "/incidents", self._list),
                ("GET", r"/incidents/(\w+)/notes", lambda c, i: self._of(i, "notes")),
                ("GET", r"/incidents/(\w+)/log_entries", lambda c, i: self._of(i, "log_entries")),
                ("GET", r"/incidents/(\w+)/alerts", lambda c, i: self._of(i, "alerts")),
            ],
            call,
        ) or Reply(404, {"error": {"message": "Not Found", "code": 2100}})

    # ------------------------------------------------------------ what people do
    def open_incident(self, key: str) -> Json:
        return next(i for i in reversed(self.incidents) if i["key"] == key and i["status"] != "resolved")

    def notes(self, key: str, text: str, who: Json = ANA) -> bytes:
        """A note; the body of its webhook."""
        incident = self.open_incident(key)
        made = {"id": self._id("PN"), "user": who, "content": text, "created_at": self._iso()}
        incident["notes"].append(made)
        reference = {"id": incident["id"], "type": "incident_reference", "summary": incident["title"]}
        data = {"incident": reference, "id": made["id"], "content": text, "trimmed": False, "type": "incident_note"}
        return self._webhook("incident.annotated", who, data)

    def clicks(self, key: str, act: str, who: Json = ANA) -> bytes:
        """`acknowledged` or `resolved`; the body of its webhook."""
        incident = self.open_incident(key)
        incident["status"] = act
        kind = "acknowledge_log_entry" if act == "acknowledged" else "resolve_log_entry"
        incident["log_entries"].append({"id": self._id("RL"), "type": kind, "created_at": self._iso(), "agent": who})
        return self._webhook(f"incident.{act}", who, self._public(incident))

    def signature(self, body: bytes, *, rotated: bool = False) -> str:
        ours = "v1=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        other = "v1=" + hmac.new(b"the new one", body, hashlib.sha256).hexdigest()
        return f"{other},{ours}" if rotated else ours

    def passes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    # ------------------------------------------------------------ the APIs
    def _enqueue(self, call: Call) -> Reply:
        event = call.json
        errors = self._wrong(event)
        if errors:
            return Reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})
        key = event.get("dedup_key") or self._id("auto")
        running = next((i for i in self.incidents if i["key"] == key and i["status"] != "resolved"), None)
        action = event["event_action"]
        if action == "trigger" and running is None:
            running = {
                "id": self._id("PI"),
                "key": key,
                "title": event["payload"]["summary"],
                "status": "triggered",
                "events": [],
                "notes": [],
                "log_entries": [],
                "alerts": [{"id": self._id("PA"), "alert_key": key}],
            }
            self.incidents.append(running)
            self.notifications.append(key)
        if running is not None:
            running["events"].append(event)
            agent = {"id": "PINT", "type": "events_api_v2_inbound_integration_reference", "summary": "Events API"}
            if action in ("acknowledge", "resolve"):
                running["status"] = "acknowledged" if action == "acknowledge" else "resolved"
                entry = {"id": self._id("RL"), "type": f"{action}_log_entry", "created_at": self._iso(), "agent": agent}
                running["log_entries"].append(entry)
        return Reply(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def _wrong(self, event: Any) -> list[str]:
        if not isinstance(event, dict):
            return ["the body must be a JSON object"]
        wrong = [f"'{name}' is unknown" for name in event.keys() - _EVENT]
        if event.get("routing_key") != ROUTING_KEY:
            wrong.append("Invalid routing key")
        if event.get("event_action") not in ("trigger", "acknowledge", "resolve"):
            wrong.append("'event_action' is invalid")
        if len(event.get("dedup_key", "")) > 255 or (event.get("event_action") != "trigger" and not event.get("dedup_key")):
            wrong.append("'dedup_key' is missing or too long")
        if len(json.dumps(event)) > 512_000:
            wrong.append("the event is larger than 512 KB")
        payload = event.get("payload")
        if event.get("event_action") == "trigger":
            if not isinstance(payload, dict):
                return [*wrong, "'payload' is missing"]
            wrong += [f"'payload.{n}' is missing" for n in ("summary", "source", "severity") if n not in payload]
            wrong += [f"'payload.{n}' is unknown" for n in payload.keys() - _PAYLOAD]
            wrong += [f"'payload.{n}' is invalid" for n, fits in _CHECKS.items() if n in payload and not fits(payload[n])]
        wrong += ["'links' are invalid" for one in event.get("links", ()) if set(one) - {"href", "text"} or "href" not in one]
        return wrong

    def _list(self, call: Call) -> Reply:
        unknown = call.query.keys() - {"incident_key", "date_range", "limit", "offset", "statuses[]", "since", "until"}
        if unknown:
            return Reply(400, {"error": {"message": "Invalid Input Provided", "code": 2001, "errors": sorted(unknown)}})
        key = call.query.get("incident_key", [""])[0]
        found = [self._public(i) for i in self.incidents if not key or i["key"] == key]
        return Reply(200, {"incidents": found, "limit": 100, "offset": 0, "total": None, "more": False})

    def _of(self, incident_id: str, what: str) -> Reply:
        incident = next((i for i in self.incidents if i["id"] == incident_id), None)
        if incident is None:
            return Reply(404, {"error": {"message": "Incident Not Found", "code": 2100}})
        return Reply(200, {what: incident[what]})

    def _public(self, incident: Json) -> Json:
        shown = {"id": incident["id"], "type": "incident", "title": incident["title"], "status": incident["status"]}
        return {**shown, "service": SERVICE, "incident_key": incident["key"] if self.with_keys else None}

    def _webhook(self, event_type: str, who: Json, data: Json) -> bytes:
        event = {
            "id": self._id("01EV"),
            "event_type": event_type,
            "resource_type": "incident",
            "occurred_at": self._iso(),
            "agent": who,
            "client": None,
            "data": data,
        }
        return json.dumps({"event": event}).encode()

    def _id(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}{self._serial}"

    def _iso(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
