"""The HTTP API under /api/v1: what the pages show, as JSON, and answering proposals."""

from typing import Any

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict

from llo11ypop.approvals.records import outcome_json, proposal_json, verdict_json
from llo11ypop.console import views
from llo11ypop.console.guard import check_json
from llo11ypop.console.lookup import cycle_or_404, evidence_or_404, proposal_or_404, rerun
from llo11ypop.console.ports import Ports
from llo11ypop.console.reply import give
from llo11ypop.core.proposal import OPEN_STATUSES, ProposalStatus

MOST = 1000
ROWS = 1000


class Reply(BaseModel):
    """An answer to a proposal."""

    model_config = ConfigDict(extra="forbid")

    verdict: str
    """approve, reject, edit or snooze."""
    rater: str = "api"
    reason_code: str | None = None
    comment: str = ""
    action: str | None = None
    arguments: dict[str, Any] | None = None
    snooze: str | None = None
    """How long, such as 4h."""


def api_router(ports: Ports) -> APIRouter:
    """Every route of the API."""
    router = APIRouter(prefix="/api/v1", tags=["llo11ypop"])
    _proposals(router, ports)
    _telemetry(router, ports)
    return router


def _proposals(router: APIRouter, ports: Ports) -> None:
    @router.get("/proposals")
    async def list_proposals(status: str | None = None, limit: int = Query(default=100, ge=1, le=MOST)) -> list[dict[str, Any]]:
        """Proposals, oldest first; `status` may also be `open`."""
        if status not in {None, "open", *ProposalStatus}:
            raise HTTPException(422, f"no status '{status}'")
        wanted = OPEN_STATUSES if status == "open" else ProposalStatus(status) if status else None
        return [proposal_json(p) for p in await ports.ledger.proposals(wanted, limit=limit)]

    @router.get("/proposals/{proposal_id}")
    async def show_proposal(proposal_id: str) -> dict[str, Any]:
        """One proposal with what was answered and what came of it."""
        shown = await proposal_or_404(ports, proposal_id)
        return {
            **proposal_json(shown),
            "verdicts": [verdict_json(v) for v in await ports.ledger.verdicts(proposal_id)],
            "outcomes": [outcome_json(o) for o in await ports.ledger.outcomes(proposal_id)],
        }

    @router.post("/proposals/{proposal_id}/answer")
    async def answer_proposal(request: Request, proposal_id: str, reply: Reply) -> dict[str, Any]:
        """Answer a proposal. 409 when somebody else was first."""
        check_json(request)
        shown = await proposal_or_404(ports, proposal_id)
        await give(ports, shown, reply.model_dump())
        return proposal_json(await proposal_or_404(ports, proposal_id))


def _telemetry(router: APIRouter, ports: Ports) -> None:
    @router.get("/goals")
    async def list_goals() -> list[dict[str, Any]]:
        """Goals with the values of the last cycles; those that miss their target first."""
        cycles = [c for c in await ports.ledger.cycles(60) if c.status == "done"]
        return views.goal_views(ports.goals(), cycles)

    @router.get("/cycles")
    async def list_cycles(limit: int = Query(default=20, ge=1, le=MOST)) -> list[dict[str, Any]]:
        """The latest cycles, newest first."""
        return [views.cycle_view(c) for c in await ports.ledger.cycles(limit)]

    @router.get("/cycles/{cycle_id}")
    async def show_cycle(cycle_id: str) -> dict[str, Any]:
        """One cycle."""
        return views.cycle_view(await cycle_or_404(ports, cycle_id, MOST))

    @router.get("/evidence/{evidence_id}")
    async def show_evidence(evidence_id: str) -> dict[str, Any]:
        """Stored evidence with its rows."""
        return views.evidence_view(await evidence_or_404(ports, evidence_id), rows=ROWS)

    @router.post("/evidence/{evidence_id}/rerun")
    async def rerun_evidence(request: Request, evidence_id: str) -> dict[str, Any]:
        """Ask the same again; `same` says whether the rows are equal."""
        check_json(request)
        kept = await evidence_or_404(ports, evidence_id)
        again = await rerun(ports, kept)
        return {**views.evidence_view(again, rows=ROWS), "same": again.hash == kept.hash}

    @router.get("/status")
    async def status() -> dict[str, Any]:
        """The same as /statusz."""
        return await ports.status()
