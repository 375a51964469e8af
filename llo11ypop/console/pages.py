"""The pages: overview, proposals, evidence, cycles. Reading never changes anything; posting needs a token."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from llo11ypop.approvals.ledger import Cycle
from llo11ypop.console import views
from llo11ypop.console.guard import check_form
from llo11ypop.console.lookup import cycle_or_404, evidence_or_404, proposal_or_404, rerun
from llo11ypop.console.ports import Ports
from llo11ypop.console.render import Renderer
from llo11ypop.console.reply import give
from llo11ypop.core.proposal import OPEN_STATUSES, ProposalStatus, ReasonCode
from llo11ypop.core.window import format_duration

COURSE = 60
"""Cycles behind a sparkline."""
LISTED = 200


def page_router(ports: Ports, renderer: Renderer) -> APIRouter:
    """Everything a browser visits."""
    router = APIRouter(include_in_schema=False)
    _reading(router, ports, renderer)
    _evidence(router, ports, renderer)
    _posting(router, ports)
    return router


def _finished(cycles: Sequence[Cycle]) -> list[Cycle]:
    return [c for c in cycles if c.status == "done"]


def _reading(router: APIRouter, ports: Ports, renderer: Renderer) -> None:
    @router.get("/")
    async def overview(request: Request) -> Response:
        cycles = _finished(await ports.ledger.cycles(COURSE))
        last = cycles[0] if cycles else None
        return await renderer.page(
            request,
            "overview.html",
            goals=views.goal_views(ports.goals(), cycles),
            slices=views.slice_views(last),
            silences=views.silence_views(last),
            proposals=views.by_urgency(await ports.ledger.proposals(OPEN_STATUSES)),
            last=views.cycle_view(last) if last else None,
            state=await ports.status(),
        )

    @router.get("/proposals")
    async def proposals(request: Request, status: str = "open") -> Response:
        wanted: Any = {"open": OPEN_STATUSES, "all": None}.get(status, status)
        if status not in {"open", "all", *ProposalStatus}:
            raise HTTPException(404, f"There is no status '{status}'.")
        found = await ports.ledger.proposals(ProposalStatus(status) if wanted == status else wanted, limit=LISTED)
        return await renderer.page(
            request,
            "proposals.html",
            proposals=views.by_urgency(found),
            chosen=status,
            statuses=["open", *ProposalStatus, "all"],
        )

    @router.get("/proposals/{proposal_id}")
    async def proposal(request: Request, proposal_id: str) -> Response:
        shown = await proposal_or_404(ports, proposal_id)
        evidence = [e for e in [await ports.ledger.evidence(i) for i in shown.evidence] if e]
        return await renderer.page(
            request,
            "proposal.html",
            p=shown,
            seen=thread.evidence_hash if (thread := await ports.ledger.thread(proposal_id)) else "",
            evidence=[views.evidence_view(e, rows=5) for e in evidence],
            radius=views.radius_views(shown.blast_radius),
            verdicts=await ports.ledger.verdicts(proposal_id),
            outcomes=await ports.ledger.outcomes(proposal_id),
            heard=await ports.ledger.post.heard(proposal_id),
            told=[(name, row) for name, row in await ports.ledger.post.told_about(proposal_id) if name != "inbox"],
            reasons=list(ReasonCode),
            snooze=format_duration(ports.snooze),
            goal=next((g for g in ports.goals() if g.id == shown.goal), None),
        )

    @router.get("/cycles")
    async def cycles(request: Request) -> Response:
        found = await ports.ledger.cycles(LISTED)
        return await renderer.page(request, "cycles.html", cycles=[views.cycle_view(c) for c in found])

    @router.get("/cycles/{cycle_id}")
    async def cycle(request: Request, cycle_id: str) -> Response:
        return await renderer.page(request, "cycle.html", c=views.cycle_view(await cycle_or_404(ports, cycle_id, LISTED)))


def _evidence(router: APIRouter, ports: Ports, renderer: Renderer) -> None:
    @router.get("/evidence/{evidence_id}")
    async def evidence(request: Request, evidence_id: str) -> Response:
        kept = await evidence_or_404(ports, evidence_id)
        return await renderer.page(request, "evidence.html", e=views.evidence_view(kept), again=None)

    @router.post("/evidence/{evidence_id}")
    async def run_again(request: Request, evidence_id: str) -> Response:
        check_form(request, str((await request.form()).get("csrf", "")))
        kept = await evidence_or_404(ports, evidence_id)
        again = await rerun(ports, kept)
        shown = {**views.evidence_view(again), "same": again.hash == kept.hash}
        return await renderer.page(request, "evidence.html", e=views.evidence_view(kept), again=shown)


def _posting(router: APIRouter, ports: Ports) -> None:
    @router.post("/proposals/{proposal_id}")
    async def answer(request: Request, proposal_id: str) -> Response:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        check_form(request, form.get("csrf", ""))
        shown = await proposal_or_404(ports, proposal_id)
        await give(ports, shown, form)
        return RedirectResponse(f"/proposals/{proposal_id}", 303)

    @router.post("/break")
    async def break_something(request: Request) -> Response:
        form = await request.form()
        check_form(request, str(form.get("csrf", "")))
        if ports.demo is None:
            raise HTTPException(404, "Only a simulated fleet can be broken.")
        await ports.demo.break_something(str(form.get("mode", "")))
        return RedirectResponse("/", 303)
