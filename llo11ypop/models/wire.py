"""One request to an endpoint of the OpenAI protocol through `ChatOpenAI`, and what became of it. No retries, no judgement.

LangChain is imported when the first request is made, never before.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from llo11ypop.models.config import Endpoint, Method
from llo11ypop.models.port import Reason, Refused, Usage

if TYPE_CHECKING:
    import openai
    from langchain_core.messages import AIMessage
    from langchain_openai import ChatOpenAI

Messages = Sequence[tuple[str, str]]
"""(role, text): system, user, assistant."""
NO_KEY = "none"
"""Sent where no key is set, so that a key of another endpoint in the environment is not."""
_EXCERPT = 300
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What LangChain raises for a body that is not a chat completion."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    text: str
    usage: Usage | None
    finish: str
    refusal: str = ""


class Failed(Refused):
    """A request without an answer."""

    def __init__(
        self, reason: Reason, message: str, *, retry_after_s: float | None = None, wants_other_method: bool = False
    ) -> None:
        super().__init__(reason, message)
        self.retry_after_s = retry_after_s
        self.wants_other_method = wants_other_method
        """The server does not know this way of asking for JSON."""


async def ready() -> None:
    """Load LangChain, in a thread; before anything is timed."""
    await asyncio.to_thread(_loaded)


@cache
def _loaded() -> None:
    import langchain_openai  # noqa: F401


async def send(one: Endpoint, method: Method, messages: Messages, name: str, schema: Mapping[str, Any]) -> Answer:
    """Ask once. Raises Failed."""
    try:
        http, chat = await asyncio.to_thread(_open, one, _asking(method, name, schema))
    except OSError as bad:
        raise Failed(Reason.AUTH, f"the key or the certificates of {_place(one)} cannot be read: {_excerpt(bad)}") from bad
    import openai

    try:
        async with asyncio.timeout(one.timeout_s), http:
            return _answer(await chat.ainvoke(list(messages)))
    except (TimeoutError, openai.APITimeoutError) as bad:
        raise Failed(Reason.TIMEOUT, f"{_place(one)} gave no answer within {one.timeout_s:g} s") from bad
    except openai.APIStatusError as bad:
        raise _of_status(one, bad) from bad
    except openai.OpenAIError as bad:
        raise Failed(Reason.UNREACHABLE, f"{_place(one)} cannot be reached: {_excerpt(_first_cause(bad))}") from bad
    except _UNREADABLE as bad:
        raise Failed(Reason.UNREACHABLE, f"{_place(one)} does not speak the OpenAI protocol: {_excerpt(bad)}") from bad


def _open(one: Endpoint, asking: dict[str, Any]) -> "tuple[openai.DefaultAsyncHttpxClient, ChatOpenAI]":
    """A client of its own for each request: questions come from several event loops. In a thread: it reads files."""
    import openai
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    options: dict[str, Any] = {} if one.temperature is None else {"temperature": one.temperature}
    http = openai.DefaultAsyncHttpxClient(
        timeout=one.timeout_s, follow_redirects=False, trust_env=not is_local(one), verify=certificates(one.ca)
    )
    chat = ChatOpenAI(
        model=one.model,
        base_url=one.base_url,
        api_key=SecretStr(one.key() or NO_KEY),
        timeout=one.timeout_s,
        max_retries=0,
        use_responses_api=False,
        http_async_client=http,
        # In the body rather than as arguments: the SDK's parse() would drop the text of an answer that was cut off.
        extra_body={one.max_tokens_as: one.max_tokens, **asking, **one.extra},
        **options,
    )
    return http, chat


def _asking(method: Method, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if method == "json_schema":
        asked = {"name": name, "schema": schema, "strict": all_required(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": asked}}
    if method == "json_mode":
        return {"response_format": {"type": "json_object"}}
    # "required" and one function: llama.cpp takes a named choice for "auto".
    function = {"type": "function", "function": {"name": name, "description": "The answer.", "parameters": schema}}
    return {"tools": [function], "tool_choice": "required"}


def all_required(schema: Any) -> bool:
    """Whether a schema is one for OpenAI's strict mode: every object closed, every property required."""
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            closed = schema.get("additionalProperties") is False
            if not closed or set(properties) != set(schema.get("required", ())):
                return False
        return all(all_required(v) for k, v in schema.items() if k not in ("enum", "const", "default", "examples"))
    return all(all_required(v) for v in schema) if isinstance(schema, (list, tuple)) else True


def _answer(message: "AIMessage") -> Answer:
    calls = [*message.tool_calls, *message.invalid_tool_calls]
    arguments = calls[0]["args"] if calls else None
    return Answer(
        text=_text_of(arguments) if calls else str(message.text),
        usage=_usage(message),
        finish=str(message.response_metadata.get("finish_reason") or ""),
        refusal=str(message.additional_kwargs.get("refusal") or ""),
    )


def _text_of(arguments: Any) -> str:
    import json

    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _usage(message: "AIMessage") -> Usage | None:
    """None where the server says nothing, or that a prompt had no tokens."""
    said = message.usage_metadata
    if not said or not said["input_tokens"]:
        return None
    cached = said.get("input_token_details", {}).get("cache_read") or 0
    return Usage(said["input_tokens"], said["output_tokens"], cached)


def _of_status(one: Endpoint, bad: "openai.APIStatusError") -> Failed:
    status, said = bad.status_code, _excerpt(bad)
    place = _place(one)
    match status:
        case 401 | 403:
            return Failed(Reason.AUTH, f"{place} refused the key ({status}): {said}")
        case 404:
            return Failed(Reason.NOT_CONFIGURED, f"{place} is not there (404): {said}")
        case 408 | 504:
            return Failed(Reason.TIMEOUT, f"{place} timed out ({status})")
        case 429:
            return Failed(Reason.RATE_LIMITED, f"{place} limits requests (429): {said}", retry_after_s=_retry_after_s(bad))
        case 400 | 413 | 422 if "context" in said.lower() or status == 413:  # noqa: PLR2004  content too large
            return Failed(Reason.CUT_OFF, f"the prompt is too long for {place}: {said}")
        case 400 | 422 | 501:
            return Failed(Reason.SCHEMA, f"{place} refused the request ({status}): {said}", wants_other_method=True)
    return Failed(Reason.UNREACHABLE, f"{place} failed ({status}): {said}", retry_after_s=_retry_after_s(bad))


def _retry_after_s(bad: "openai.APIStatusError") -> float | None:
    try:
        return float(bad.response.headers.get("retry-after", ""))
    except ValueError:
        return None


def is_local(one: Endpoint) -> bool:
    """Whether the endpoint is on this machine: no proxy of the environment is used for it."""
    return urlsplit(one.base_url).hostname in _LOOPBACK


def _place(one: Endpoint) -> str:
    return f"{one.model} at {one.base_url}"


def _first_cause(bad: BaseException) -> BaseException:
    while bad.__cause__ is not None and str(bad.__cause__):
        bad = bad.__cause__
    return bad


def _excerpt(bad: BaseException) -> str:
    return " ".join(str(bad).encode("utf-8", "replace").decode().split())[:_EXCERPT]


@cache
def certificates(ca: Path | None) -> ssl.SSLContext:
    """What is trusted. Raises OSError."""
    return ssl.create_default_context(cafile=str(ca) if ca else None)
