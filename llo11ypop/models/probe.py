"""Find out what an endpoint can do: whether it answers, has the model, keeps to a schema and in which way, and counts tokens."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from llo11ypop.core.clock import Clock
from llo11ypop.core.window import iso
from llo11ypop.models import answers
from llo11ypop.models.answers import Problem
from llo11ypop.models.config import METHODS, Endpoint, Method
from llo11ypop.models.port import Reason, Refused
from llo11ypop.models.probed import Found
from llo11ypop.models.wire import NO_KEY, Failed, certificates, is_local, ready, send

LISTING_S = 10.0
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["capital", "inhabitants_millions", "coastal"],
    "properties": {
        "capital": {"enum": ["Paris", "Tokyo", "Lima"]},
        "inhabitants_millions": {"type": "integer"},
        "coastal": {"type": "boolean"},
    },
}
SYSTEM = "You answer questions."
QUESTION = "What is the capital of Japan, how many people live there, and does it lie at the sea?"
"""Says nothing about JSON: a server that ignores the schema answers with a sentence, and is found out."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What `/v1/models` says."""

    names: tuple[str, ...] | None
    """None where the server has no such list."""
    context: int | None


async def probe(one: Endpoint, clock: Clock) -> tuple[Found, Listed, str]:
    """What was found, and why no way of asking works (empty where one does). Raises Refused where nothing can be found out."""
    await ready()
    listed = await listing(one)
    why = ""
    for method in METHODS if one.structured == "auto" else (one.structured,):
        started = time.monotonic()
        try:
            counted = await _tried(one, method)
        except Failed as bad:
            if bad.reason not in (Reason.SCHEMA, Reason.CUT_OFF):
                raise
            why = why or f"{method}: {bad}"
            continue
        except Refused as bad:
            why = why or f"{method}: {bad}"
            continue
        found = Found(*one.place, method, listed.context, counted, round(time.monotonic() - started, 3), iso(clock.now()))
        return found, listed, ""
    return Found(*one.place, None, listed.context, False, 0.0, iso(clock.now())), listed, why


async def _tried(one: Endpoint, method: Method) -> bool:
    """Whether tokens are counted. Raises Refused where the answer is not the object that was asked for."""
    user = QUESTION if method != "json_mode" else answers.with_schema(QUESTION, SCHEMA)
    answer = await send(one, method, (("system", SYSTEM), ("user", user)), "probe", SCHEMA)
    value = answers.read(answer, SCHEMA)
    if isinstance(value, Problem):
        raise Refused(value.reason, value.text)
    return answer.usage is not None


async def listing(one: Endpoint) -> Listed:
    """The models of the server. Raises Refused where it cannot be reached or refuses the key."""
    try:
        headers = {"Authorization": f"Bearer {one.key() or NO_KEY}"}
        async with httpx.AsyncClient(
            timeout=LISTING_S, headers=headers, trust_env=not is_local(one), verify=certificates(one.ca)
        ) as http:
            reply = await http.get(f"{one.base_url}/models")
            if reply.status_code in (401, 403):
                raise Refused(Reason.AUTH, f"{one.base_url} refused the key ({reply.status_code})")
            raw = reply.json() if reply.status_code == httpx.codes.OK else {}
            models = [m for m in raw.get("data", ()) if isinstance(m, dict)] if isinstance(raw, dict) else []
            context = _context(models, one.model) or await _llama_context(http, one)
    except httpx.HTTPError as bad:
        raise Refused(Reason.UNREACHABLE, f"{one.base_url} cannot be reached: {str(bad) or type(bad).__name__}") from bad
    except OSError as bad:
        raise Refused(Reason.AUTH, f"the key or the certificates of {one.base_url} cannot be read") from bad
    except ValueError:
        return Listed(None, None)
    return Listed(tuple(str(m.get("id")) for m in models) if models else None, context)


def _context(models: list[dict[str, Any]], model: str) -> int | None:
    """Of vLLM and NIM, or of others; llama.cpp lists only what the model was trained with."""
    mine: dict[str, Any] = next((m for m in models if m.get("id") == model), {})
    found = next((mine[k] for k in ("max_model_len", "context_length", "context_window") if mine.get(k)), None)
    return int(found) if isinstance(found, (int, float)) else None


async def _llama_context(http: httpx.AsyncClient, one: Endpoint) -> int | None:
    """llama.cpp's server says what it was started with at /props, beside /v1."""
    root = urlsplit(one.base_url)
    try:
        reply = await http.get(f"{root.scheme}://{root.netloc}/props")
        raw = reply.json() if reply.status_code == httpx.codes.OK else {}
        found = raw.get("default_generation_settings", {}).get("n_ctx")
    except (httpx.HTTPError, ValueError, AttributeError):
        return None
    return int(found) if isinstance(found, int) else None
