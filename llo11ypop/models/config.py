"""`models.yaml`: which endpoint answers for which role, what it may cost, and what happens when it fails.

A role's own keys win over `defaults`, and these over the preset. A role that is not named keeps its rule mind.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from llo11ypop.core.errors import UnknownNameError
from llo11ypop.core.located import Located, load_located, validate
from llo11ypop.core.vocabulary import Area
from llo11ypop.core.window import parse_duration
from llo11ypop.models.port import ANALYST, Role, role_of

FILE_NAME = "models.yaml"
PRESETS = "models"
ANALYSTS = ANALYST.rstrip(".")
"""The role of all analysts that have none of their own."""
ROLES = (*(r.value for r in Role), ANALYSTS, *(role_of(a.value) for a in Area))

Method = Literal["json_schema", "function_calling", "json_mode"]
METHODS: tuple[Method, ...] = ("json_schema", "function_calling", "json_mode")
"""Ways to ask for JSON, the strictest first."""


def _base_url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("write it as http://host:port/v1 or https://…")
    if "@" in urlsplit(text).netloc:
        raise ValueError("no user and password in the address: the key goes into api_key_file")
    return text.rstrip("/")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Endpoint(_Section):
    """One model of one server, and how it is asked."""

    base_url: Annotated[str, AfterValidator(_base_url)]
    model: str = Field(min_length=1)
    api_key_file: Path | None = None
    """A file that holds the key and nothing else; read at every call, so that keys can be changed."""
    timeout_s: float = Field(default=60, gt=0)
    max_tokens: int = Field(default=1024, ge=1)
    temperature: float | None = Field(default=0.0, ge=0, le=2)
    """None: not sent; some reasoning models refuse it."""
    max_in_flight: int = Field(default=4, ge=1)
    """Requests at a time; roles that share a model of a server share the smallest."""
    structured: Literal["auto", "json_schema", "function_calling", "json_mode"] = "auto"
    """`auto`: what `llo11ypop doctor` found to work, else json_schema."""
    price_in_per_mtok: float | None = Field(default=None, ge=0)
    price_out_per_mtok: float | None = Field(default=None, ge=0)
    price_cached_per_mtok: float | None = Field(default=None, ge=0)
    """Of tokens that the server had already; None: as the others."""
    fallback: str = ""
    """Another role, whose endpoint is asked when this one gives no answer."""
    retries: int = Field(default=1, ge=0, le=5)
    """After 429, 5xx and lost connections; never after a timeout."""
    max_tokens_as: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """How the server calls the limit of an answer."""
    ca: Path | None = None
    """Certificates to trust instead of the usual ones."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """More fields of the request's body, such as {chat_template_kwargs: {enable_thinking: false}}."""

    @property
    def priced(self) -> bool:
        """Whether the cost of a call can be told."""
        return self.price_in_per_mtok is not None and self.price_out_per_mtok is not None

    @property
    def place(self) -> tuple[str, str]:
        """Server and model: what has a circuit breaker and a limit of requests of its own."""
        return self.base_url, self.model

    def key(self) -> str:
        """The key, empty where none is needed. Raises OSError."""
        return self.api_key_file.read_text(encoding="utf-8").strip() if self.api_key_file else ""


class Limit(_Section):
    """What may be used at most; None for no limit."""

    calls: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    cost: float | None = Field(default=None, ge=0)


class Budgets(_Section):
    """Hard limits: what would go beyond one is not asked, and the rule minds do it."""

    currency: str = "USD"
    question: Limit = Limit(calls=16, tokens=60_000)
    cycle: Limit = Limit(calls=100, tokens=400_000)
    day: Limit = Limit(tokens=10_000_000)


class Circuit(_Section):
    """When an endpoint is left alone."""

    failures: int = Field(default=3, ge=1)
    """Requests that fail one after the other before it opens."""
    rest: Annotated[
        timedelta, BeforeValidator(lambda v: parse_duration(v) if isinstance(v, str) else v), Field(gt=timedelta(0))
    ] = timedelta(seconds=60)


LONGEST_WAIT_S = 240
"""A step of the cycle ends after 300 s, and its rule mind needs some of them."""


class MindLimits(_Section):
    """How much the models of one cycle may ask for (our choice); tokens and money have budgets of their own."""

    areas: int = Field(default=2, ge=0, le=len(Area))
    """Areas without a reason of their own that a director may add."""
    slow_plans: int = Field(default=24, ge=0)
    """Plans of long windows that a director may have run before their time."""
    places: int = Field(default=6, ge=0)
    """Places at which causes are weighed."""
    further: int = Field(default=8, ge=0)
    """Plans that may be run again for all of them together."""
    seconds: float = Field(default=60.0, gt=0, le=LONGEST_WAIT_S)
    """Longest a step waits for its models; what has not been answered by then is left to the rule mind."""


class _File(_Section):
    preset: str = ""
    budgets: Budgets = Budgets()
    circuit_breaker: Circuit = Circuit()
    cache: int = Field(default=512, ge=0)
    cycle: MindLimits = MindLimits()
    votes: int = Field(default=1, ge=1, le=9)
    defaults: dict[str, Any] = Field(default_factory=dict)
    roles: dict[str, dict[str, Any] | None] = Field(default_factory=dict)


class Models(_Section):
    """Everything `models.yaml` says. No roles: rule minds everywhere."""

    endpoints: Mapping[str, Endpoint] = Field(default_factory=dict)
    """By role."""
    budgets: Budgets = Budgets()
    circuit_breaker: Circuit = Circuit()
    cache: int = 512
    """Answers that are kept in memory; only of calls at temperature 0."""
    cycle: MindLimits = MindLimits()
    votes: int = 1
    """Forms that the query writer's model fills per question, of which the majority by rows counts."""

    def endpoint(self, role: str) -> Endpoint | None:
        """The endpoint of a role; an analyst's may be the one of all analysts."""
        found = self.endpoints.get(role)
        return self.endpoints.get(ANALYSTS) if found is None and role.startswith(ANALYST) else found

    def chain(self, role: str) -> tuple[Endpoint, ...]:
        """The role's endpoint and those it falls back to, in order; empty where none is set."""
        found: list[Endpoint] = []
        one = self.endpoint(role)
        while one is not None and one not in found:
            found.append(one)
            one = self.endpoint(one.fallback) if one.fallback else None
        return tuple(found)


def load_models(path: Path, presets: Path) -> Models:
    """Read and check `models.yaml`; `presets` is the folder of its presets. No file is the same as an empty one.

    Raises ConfigError with file and line.
    """
    if not path.is_file():
        return Models()
    located = load_located(path.read_text(encoding="utf-8"), str(path))
    if located.value is None:
        return Models()
    raw = validate(_File, located)
    base = _preset(raw.preset, presets, located)
    endpoints = {role: _endpoint(role, own or {}, {**base, **raw.defaults}, located) for role, own in raw.roles.items()}
    for role, one in endpoints.items():
        _check(role, one, raw, located)
    rest = {key: getattr(raw, key) for key in ("budgets", "circuit_breaker", "cache", "cycle", "votes")}
    return Models(endpoints=endpoints, **rest)


def _preset(name: str, folder: Path, located: Located) -> dict[str, Any]:
    if not name:
        return {}
    known = sorted(p.stem for p in folder.glob("*.yaml"))
    if name not in known:
        raise UnknownNameError("preset", name, known, where=f"{located.source}:{located.line_of(('preset',))}")
    preset = load_located((folder / f"{name}.yaml").read_text(encoding="utf-8"), str(folder / f"{name}.yaml")).value
    return dict(preset or {})


def _endpoint(role: str, own: dict[str, Any], base: dict[str, Any], located: Located) -> Endpoint:
    if role not in ROLES:
        raise UnknownNameError("role", role, ROLES, where=f"{located.source}:{located.line_of(('roles', role))}")
    lines: dict[tuple[str | int, ...], int] = {(): located.line_of(("roles", role))}
    for field in base.keys() | own.keys():
        lines[(field,)] = located.line_of(("roles", role, field) if field in own else ("defaults", field))
    return validate(Endpoint, Located({**base, **own}, located.source, lines))


def _check(role: str, one: Endpoint, raw: _File, located: Located) -> None:
    if one.fallback and one.fallback not in raw.roles:
        where = f"{located.source}:{located.line_of(('roles', role, 'fallback'))}"
        raise UnknownNameError("role in this file", one.fallback, raw.roles, where=where)
    try:
        one.key()
    except (OSError, UnicodeDecodeError) as bad:
        raise located.error(f"api_key_file: {one.api_key_file} cannot be read", ("roles", role, "api_key_file")) from bad
    for scope in ("question", "cycle", "day"):
        if getattr(raw.budgets, scope).cost is not None and not one.priced:
            message = f"cost: it can only be held when every role has price_in_per_mtok and price_out_per_mtok; {role} has not"
            raise located.error(message, ("budgets", scope, "cost"))
