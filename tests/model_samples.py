"""Requests, endpoints and clients for tests of models."""

from typing import Any

from llo11ypop.models.client import Endpoints
from llo11ypop.models.config import Budgets, Circuit, Endpoint, Models
from llo11ypop.models.fake import FakeModelServer
from llo11ypop.models.port import Request

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["area", "nodes", "text"],
    "properties": {
        "area": {"enum": ["gpu", "network"]},
        "nodes": {"type": "integer", "minimum": 1},
        "text": {"type": "string"},
    },
}
VALUE = {"area": "gpu", "nodes": 1, "text": "fake"}
"""What the fake endpoint answers to `SCHEMA`."""


def request(role: str = "director", user: str = "Which area?", **more: Any) -> Request:
    return Request(role, "route", "hash-1", "You route questions.", user, more.pop("schema", SCHEMA), **more)


def endpoint(fake: FakeModelServer, **more: Any) -> Endpoint:
    return Endpoint(**{"base_url": fake.base_url, "model": "fake-model", "timeout_s": 10, **more})


def client(fake: FakeModelServer, *roles: str, **more: Any) -> Endpoints:
    """All roles at one endpoint; keywords of Endpoint, Models and Endpoints."""
    ours = {k: more.pop(k) for k in ("record", "methods", "clock") if k in more}
    limits = {
        "budgets": more.pop("budgets", Budgets()),
        "circuit_breaker": more.pop("circuit_breaker", Circuit()),
        "cache": more.pop("cache", 0),
    }
    one = endpoint(fake, **more)
    return Endpoints(Models(endpoints=dict.fromkeys(roles or ("director",), one), **limits), pause_s=0.01, **ours)
