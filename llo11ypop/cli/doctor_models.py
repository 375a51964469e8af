"""What `doctor` says about models: whether each endpoint can be used, in which way, and what it does not tell. It is kept."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llo11ypop.core.errors import ConfigError

if TYPE_CHECKING:
    from llo11ypop.models.config import Endpoint
    from llo11ypop.models.probed import Found
    from llo11ypop.settings import Settings

Line = tuple[str, str]
"""(state, text): ok, warn or fail, and what to do."""
PROMPT_TOKENS = 6000
"""What prompts need beside the answer. Our assumption."""


async def examine_models(settings: "Settings") -> list[Line]:
    """Lines about each model of each server that a role is set to. Raises ConfigError."""
    from llo11ypop.daemon.models import read_models
    from llo11ypop.models import probed
    from llo11ypop.models.config import ANALYSTS

    models = read_models(settings)
    if not models.endpoints:
        return [("ok", "no role is set: every agent uses its rule mind (config/models.yaml, docs/models.md)")]
    lines: list[Line] = []
    kept: list[Found] = []
    for one, roles in _places(models.endpoints):
        found = await _examined(one, ", ".join(roles), lines)
        if found is not None:
            kept.append(found)
    if unused := [role for role in models.endpoints if role.startswith(ANALYSTS)]:
        lines.append(
            ("warn", f"{', '.join(unused)}: no analyst asks a model in this version; the query writer reads for all areas")
        )
    try:
        probed.write(settings.models.probed, kept)
    except OSError as bad:
        step = "set models.probed to a place that can be written"
        raise ConfigError(f"what was found cannot be kept in {settings.models.probed}: {bad.strerror}", next_step=step) from bad
    return lines


def _places(endpoints: "Mapping[str, Endpoint]") -> "list[tuple[Endpoint, list[str]]]":
    """Each model of each server once, with the roles that use it."""
    found: dict[tuple[str, str], tuple[Endpoint, list[str]]] = {}
    for role, one in endpoints.items():
        found.setdefault(one.place, (one, []))[1].append(role)
    return list(found.values())


async def _examined(one: "Endpoint", roles: str, lines: list[Line]) -> "Found | None":
    from llo11ypop.core.clock import SystemClock
    from llo11ypop.models.port import Refused
    from llo11ypop.models.probe import probe

    try:
        found, listed, why = await probe(one, SystemClock())
    except Refused as bad:
        lines.append(("fail", f"{roles}: {bad} — until this is mended the rule minds do it"))
        return None
    if listed.names is not None and one.model not in listed.names:
        known = ", ".join(listed.names[:5])
        lines.append(
            ("fail" if found.method is None else "warn", f"{roles}: the server lists no model {one.model}; it has {known}")
        )
    if found.method is None:
        lines.append(("fail", f"{roles}: {one.model} gives no JSON that keeps to a schema — {why}"))
        return None
    size = f"{found.context:,} tokens of context" if found.context else "context not told"
    text = f"{roles}: {one.model} at {one.base_url}, {found.method}, {size}, a short answer in {found.latency_s:.1f} s"
    lines.append(("ok", text))
    lines += _warnings(one, roles, found)
    return found


def _warnings(one: "Endpoint", roles: str, found: "Found") -> list[Line]:
    from llo11ypop.models.wire import is_local

    lines: list[Line] = []
    if not found.usage:
        lines.append(("warn", f"{roles}: the server counts no tokens; budgets go by estimates, and no cost is stated"))
    if found.context and found.context < one.max_tokens + PROMPT_TOKENS:
        needed = one.max_tokens + PROMPT_TOKENS
        lines.append(("warn", f"{roles}: prompts and answers may need {needed:,} tokens of context — start the server with more"))
    if one.api_key_file and one.base_url.startswith("http://") and not is_local(one):
        lines.append(("warn", f"{roles}: the key goes over http — use https"))
    return lines
