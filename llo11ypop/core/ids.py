"""Identifiers: random for what happens, derived for what must be the same twice."""

import hashlib
import json
import uuid
from typing import Any


def new_id() -> str:
    """A random UUID (threads of the LangGraph server must be UUIDs: ENGINEERING §4)."""
    return str(uuid.uuid4())


def derived_id(*parts: object) -> str:
    """A UUID that is a function of its parts: the same parts give the same id on every machine."""
    return str(uuid.UUID(content_hash(*parts)[:32]))


def content_hash(*parts: object) -> str:
    """SHA-256, in hex, of the parts as canonical JSON (keys sorted, instants and others as text)."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; what JSON does not know is written as `str`."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False)
