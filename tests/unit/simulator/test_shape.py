import numpy as np
import pytest

from llo11ypop.simulator.building import build_shape
from llo11ypop.simulator.shape import WEAK_BATCH, FleetShape


def shape_of(gpus: int, seed: int = 1) -> FleetShape:
    return build_shape(gpus, np.random.default_rng(seed))


def test_the_default_fleet_has_three_providers_five_clusters_and_liquid_cooling() -> None:
    shape = shape_of(512)
    assert (len(shape.nodes), len(shape.gpus), len(shape.ports)) == (64, 512, 512)
    assert len({s.provider for s in shape.sites}) == 3
    assert [c.cluster for c in shape.clusters] == ["c-a", "c-b", "c-c", "c-d", "c-e"]
    assert {n.cooling for n in shape.nodes if n.cluster == "c-e"} == {"dlc"}
    assert any(r.cdu for r in shape.rows)
    assert len(shape.technicians) >= 6


@pytest.mark.parametrize("gpus", [8, 16, 40, 512, 4096])
def test_every_size_holds_together(gpus: int) -> None:
    shape = shape_of(gpus)
    assert len(shape.gpus) == gpus
    assert all(1 <= len(r.nodes) <= 4 for r in shape.racks)
    assert sum(len(c.nodes) for c in shape.clusters) == gpus // 8
    assert {n for s in shape.switches for n in s.nodes} == {n.node_id for n in shape.nodes}
    assert len({p.port_id for p in shape.ports}) == gpus
    assert len({g.gpu_uuid for g in shape.gpus}) == gpus
    for node in shape.nodes:
        assert node.node_id in shape.rack(node.rack).nodes
        assert node.rack in shape.row(node.row).racks


def test_some_nodes_have_no_nvlink_and_one_batch_is_weak() -> None:
    shape = shape_of(512)
    assert 0 < sum(n.nvlink == 0 for n in shape.nodes) <= 4
    assert any(n.batch == WEAK_BATCH for n in shape.nodes)


def test_the_same_seed_gives_the_same_uuids() -> None:
    assert [g.gpu_uuid for g in shape_of(64).gpus] == [g.gpu_uuid for g in shape_of(64).gpus]
    assert shape_of(64, 2).gpus[0].gpu_uuid != shape_of(64, 1).gpus[0].gpu_uuid


def test_levels_lead_to_nodes() -> None:
    shape = shape_of(512)
    node = shape.nodes[5]
    assert shape.nodes_in("gpu", node.gpus[3]) == [node.node_id]
    assert node.node_id in shape.nodes_in("rack", node.rack)
    assert node.node_id in shape.nodes_in("switch", node.leaf_switch)
    assert set(shape.nodes_in("cluster", "c-a")) == set(shape.cluster("c-a").nodes)
    assert len(shape.nodes_in("fleet", "")) == 64
