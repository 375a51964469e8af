"""What a question costs in a warm process, beside the raw time of its queries.

    python benchmarks/ask.py [--gpus 512,10000] [--days 2] [--fleet FILE]

Each fleet is simulated into a temporary folder first, unless --fleet names a file. A question is asked on a fresh thread; the raw
time is that of its plan alone on the same store. Figures are of this machine.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from llo11ypop.ask.conversation import Conversation
from llo11ypop.daemon.conversing import conversing
from llo11ypop.query.plan import Plan
from llo11ypop.settings import load_settings
from llo11ypop.simulator.simulate import simulate
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.writer import write_fleet

QUESTIONS = (
    "How many jobs failed in the last 24 hours?",
    "Failed jobs per cluster",
    "Show me a chart of job failures",
    "Which clusters have the worst fan failures?",
    "How many GPUs exceeded the normal temperature range?",
    "Mean HBM temperature per cluster, p50/p95/p99",
    "Average GPU power by cluster in the last 24 hours",
    "GPU utilisation by hour in the last 24 hours",
    "Drain reasons this week, grouped",
    "Evictions by reason, last 24 h",
    "Median queue wait per partition",
    "XID errors by node, last 7 days",
)
INVESTIGATIONS = ("How healthy is the fleet right now?", "Five most likely causes of last night's issue")


async def measured(path: Path, repeats: int) -> None:
    """Ask everything and print a line per kind."""
    folder = path.parent
    settings = load_settings(None, telemetry={"path": path}, ask={"threads": folder / "threads.sqlite"})
    async with conversing(settings, foreign=True, forget=True, keep=False) as deps:
        conversation = Conversation(deps)
        at = await deps.now()
        for question in QUESTIONS:
            await conversation.ask(question, at=at)
        for kind, questions in (("questions", QUESTIONS), ("investigations", INVESTIGATIONS)):
            asked, raw, statuses = [], [], []
            for _ in range(repeats if kind == "questions" else 1):
                for question in questions:
                    began = time.perf_counter()
                    answer = await conversation.ask(question, at=at)
                    asked.append(time.perf_counter() - began)
                    statuses.append(answer.status.value)
                    if kind == "questions" and answer.evidence:
                        began = time.perf_counter()
                        await deps.store.run(Plan.model_validate(answer.evidence[0].plan), at)
                        raw.append(time.perf_counter() - began)
            line = f"  {kind:<15} ask p50 {at_share(asked, 0.5):>6.0f} ms  p95 {at_share(asked, 0.95):>6.0f} ms"
            beside = f"   raw query p50 {at_share(raw, 0.5):>6.0f} ms  p95 {at_share(raw, 0.95):>6.0f} ms" if raw else ""
            print(f"{line}{beside}   {len(asked)} asked, {statuses.count('answered')} answered")


def at_share(seconds: list[float], share: float) -> float:
    """A quantile in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    return cuts[round(share * 100) - 1] * 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gpus", default="512,10000")
    parser.add_argument("--days", type=float, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--fleet", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for gpus in [0] if given.fleet else [int(g) for g in given.gpus.split(",")]:
            path = given.fleet or Path(folder, f"fleet-{gpus}.duckdb")
            if not given.fleet:
                world, _ = simulate(SimulationSpec(gpus=gpus, days=given.days))
                write_fleet(world, path)
                del world
            print(f"{given.fleet or f'{gpus:,} GPUs x {given.days:g} days'}, {path.stat().st_size / 1e6:.0f} MB")
            asyncio.run(measured(path, given.repeats))


if __name__ == "__main__":
    main()
