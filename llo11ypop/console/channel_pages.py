"""How channels stand: what waits, what holds them up, what was given up and can be sent again."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from llo11ypop.console.guard import check_form
from llo11ypop.console.ports import Ports
from llo11ypop.console.render import Renderer
from llo11ypop.core.window import iso

LISTED = 200


def channel_pages(ports: Ports, renderer: Renderer) -> APIRouter:
    """The page, its form, and the same as JSON."""
    router = APIRouter()

    @router.get("/channels", include_in_schema=False)
    async def channels(request: Request) -> Response:
        post = ports.ledger.post
        standing, dead = await post.standing(), await post.dead(LISTED)
        return await renderer.page(request, "channels.html", channels=standing, dead=dead, now_at=ports.clock.now())

    @router.post("/channels/again", include_in_schema=False)
    async def again(request: Request) -> Response:
        form = await request.form()
        check_form(request, str(form.get("csrf", "")))
        chosen = str(form.get("delivery", ""))
        ids = [d.id for d in await ports.ledger.post.dead(LISTED) if chosen in ("all", str(d.id))]
        if not ids:
            raise HTTPException(404, "This was not given up, or is sent again already.")
        for one in ids:
            await ports.ledger.post.revive(one, ports.clock.now())
        return RedirectResponse("/channels", 303)

    @router.get("/api/v1/channels", tags=["llo11ypop"])
    async def list_channels() -> dict[str, Any]:
        """Every channel, and what was given up."""
        post = ports.ledger.post
        return {
            "channels": [
                {
                    "channel": c.channel,
                    "waiting": c.waiting,
                    "dead": c.dead,
                    "oldest_at": iso(c.oldest_at) if c.oldest_at else None,
                    "held_until": iso(c.held_until) if c.held_until else None,
                    "failures": c.failures,
                    "reason": c.reason,
                    "polled_at": iso(c.polled_at) if c.polled_at else None,
                }
                for c in await post.standing()
            ],
            "dead": [
                {"id": d.id, "proposal_id": d.proposal_id, "channel": d.channel, "event": d.event, "reason": d.reason}
                for d in await post.dead(LISTED)
            ],
        }

    return router
