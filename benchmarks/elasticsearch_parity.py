"""Every playbook and goal plan on DuckDB and on Elasticsearch SQL: a table of what is equal, estimated, refused or different.

python benchmarks/elasticsearch_parity.py [FLEET] [--out docs/parity.md]. The Elasticsearch is the strict fake of the tests, or a
real one that holds the same fleet (`llo11ypop load FLEET`) when LLO11YPOP_ES_URL names it.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from pydantic import SecretStr

from llo11ypop.catalog import load_catalog
from llo11ypop.core.vocabulary import Area
from llo11ypop.daemon.compose import latest_instant
from llo11ypop.evals.parity import TOLERANCE, Compared, compare
from llo11ypop.playbooks import load_goals, load_playbooks
from llo11ypop.simulator.simulate import simulate
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.writer import write_fleet
from llo11ypop.stores.duckdb import DuckDbStore
from llo11ypop.stores.elasticsearch import ElasticsearchStore
from llo11ypop.stores.elasticsearch_access import Access

ROOT = Path(__file__).resolve().parent.parent
VERDICTS = ("equal", "estimated", "refused", "different")


async def compared(fleet: Path, url: str) -> dict[str, Compared]:
    catalog = load_catalog(ROOT / "config")
    duck = DuckDbStore.open(fleet, catalog)
    es = ElasticsearchStore(
        Access((url,), api_key=SecretStr(os.environ.get("LLO11YPOP_ES_API_KEY", ""))), catalog, deadline_s=600
    )
    at = await latest_instant(duck)
    plans = dict(load_playbooks(ROOT / "config", catalog).plans(tuple(Area), at=at))
    for goal in load_goals(ROOT / "config", catalog):
        plans |= {f"goal.{name}": made for name, made in goal.plans().items()}
    ours, theirs = await duck.run_many(plans, at), await es.run_many(plans, at)
    print(f"{len(plans)} plans; DuckDB sent {duck.query_count} queries, Elasticsearch SQL {es.query_count}", file=sys.stderr)
    return {name: compare(ours[name], theirs[name]) for name in plans}


def page(found: dict[str, Compared], where: str) -> str:
    totals = Counter(c.verdict for c in found.values())
    lines = [
        "# Parity: DuckDB and Elasticsearch SQL",
        "",
        f"Written by `python benchmarks/elasticsearch_parity.py --out docs/parity.md`; the Elasticsearch was {where}.",
        f"{len(found)} plans of playbooks and goals: " + ", ".join(f"{totals[v]} {v}" for v in VERDICTS) + ".",
        f"*Estimated* is within {TOLERANCE:.0%}: distinct counts and percentiles.",
        "",
        "| plans of | " + " | ".join(VERDICTS) + " |",
        "|---|" + "---|" * len(VERDICTS),
    ]
    groups: dict[str, Counter[str]] = {}
    for name, one in found.items():
        groups.setdefault(name.partition(".")[0], Counter())[one.verdict] += 1
    lines += [
        f"| {group} | " + " | ".join(str(count[v] or "") for v in VERDICTS) + " |" for group, count in sorted(groups.items())
    ]
    reasons: dict[str, list[str]] = {}
    for name, one in found.items():
        if one.verdict in ("refused", "different"):
            reasons.setdefault(f"{one.verdict}: {one.why}", []).append(f"`{name}`")
    lines += ["", "## Refused or different, with the reason", ""]
    lines += [f"- {reason}: {', '.join(sorted(names))}" for reason, names in sorted(reasons.items())]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("fleet", nargs="?", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fleet = given.fleet or Path(folder) / "fleet.duckdb"
        if given.fleet is None:
            write_fleet(simulate(SimulationSpec(seed=5, gpus=64, days=2.0))[0], fleet)
        if url := os.environ.get("LLO11YPOP_ES_URL"):
            text = page(asyncio.run(compared(fleet, url)), "a real one")
        else:
            sys.path.insert(0, str(ROOT))
            from tests.fakes.elasticsearch import FakeElasticsearch, serving

            fake = FakeElasticsearch()
            fake.hold(fleet, load_catalog(ROOT / "config"))
            with serving(fake):
                text = page(asyncio.run(compared(fleet, fake.url)), "the strict fake of the tests: never a real one so far")
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
