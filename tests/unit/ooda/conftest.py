"""A small fleet, small playbooks and findings made by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llo11ypop.core.entity import Entity
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding, SignalHit
from llo11ypop.core.vocabulary import Area, Level
from llo11ypop.playbooks.model import Playbook

T0 = datetime(2026, 5, 10, 3, 0, tzinfo=UTC)


@pytest.fixture
def t0() -> datetime:
    return T0


@pytest.fixture
def fleet() -> Topology:
    """Twenty nodes of eight GPUs; four nodes a rack; one switch, one row, one cluster."""
    edges = []
    for n in range(20):
        node, rack = Entity(Level.NODE, f"n{n:02}"), Entity(Level.RACK, f"r{n // 4}")
        edges += [(node, rack), (node, Entity(Level.SWITCH, "leaf"))]
        edges += [(Entity(Level.GPU, f"n{n:02}-g{g}"), node) for g in range(8)]
    edges += [(Entity(Level.RACK, f"r{r}"), Entity(Level.ROW, "row")) for r in range(5)]
    edges.append((Entity(Level.ROW, "row"), Entity(Level.CLUSTER, "c")))
    return Topology.of(edges)


@pytest.fixture
def playbook() -> Callable[..., Playbook]:
    """Make a playbook; keywords replace the defaults."""

    def make(id_: str, **changes: Any) -> Playbook:
        base: dict[str, Any] = {
            "id": id_,
            "title": f"Mode {id_}",
            "area": "gpu",
            "entity": "node",
            "severity": "S3",
            "queue": "GPU-HW",
            "source": "hand-made for a test",
            "signals": {
                "seen": {
                    "dataset": "gpu_events",
                    "window": "1h",
                    "by": ["node_id"],
                    "measures": {"n": {"agg": "count"}},
                    "when": "n > 0",
                    "entity": {"node": "node_id"},
                    "text": "{n} events on {node_id}",
                }
            },
            "match": {"all": ["seen"]},
            "actions": [
                {"name": "DRAIN", "arguments": {"node": "$node"}, "prior": 0.8},
                {"name": "DIAG", "arguments": {"node": "$node"}, "prior": 0.4},
            ],
            "forbidden": ["RMA"],
            "if_nothing_done": "jobs keep failing",
            "success": {"signal_gone_for": "2h", "goal": "availability"},
            "goal": "availability",
        }
        return Playbook.model_validate({**base, **changes})

    return make


@pytest.fixture
def book() -> Callable[..., dict[str, Playbook]]:
    """Playbooks by id: what the loop asks of a PlaybookSet."""

    def make(*playbooks: Playbook) -> dict[str, Playbook]:
        return {p.id: p for p in playbooks}

    return make


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """A finding of a playbook on `level:id`, some minutes after T0."""

    def make(mode: str, entity: str, minute: float = 0, strength: float = 0.8, related: tuple[str, ...] = ()) -> Finding:
        thing = Entity.parse(entity)
        since = T0 + timedelta(minutes=minute)
        hit = SignalHit("seen", thing, since, f"evidence-{mode}-{entity}", {"n": 1}, f"1 event on {thing.id}")
        return Finding(mode, Area.GPU, thing, since, strength, (hit,), tuple(Entity.parse(r) for r in related))

    return make
