"""A sentence of a ticket stands only where it is a shortened fact."""

import pytest

from llo11ypop.agents.writer.claims import Claimed, loose
from llo11ypop.agents.writer.facts import HIDDEN, Names

ABOUT = "Link down on port n-1/mlx5_0 (cluster c-a, node n-1, rack c-a-r01, site s1) since 2026-05-10 03:20Z."
SIGNS = [
    "It accounts for 3 further symptom(s), listed below.",
    "n-1/mlx5_0 went down 14 times in twelve hours",
    "2 of 8 fans of n-1 failed: FAN1, FAN2",
    "no sample of this port since 2026-05-10 03:22Z, while other ports of n-1 report",
    "inlets rose from 20.5 to 31.0 Cel on average",
    "Slurm shows n-1 as DOWN and not responding since 2026-05-10 03:25Z",
    "proposed: NETOPS with port n-1/mlx5_0",
]
CLAIMED = Claimed.of(ABOUT, ["Link down", "n-1/mlx5_0"], SIGNS)
TRUE = [
    "Link down on port n-1/mlx5_0 in rack c-a-r01 since 2026-05-10 03:20Z.",
    "Since 2026-05-10 03:20Z the link is down on n-1/mlx5_0.",
    "It accounts for 3 further symptoms.",
    "It went down 14 times in twelve hours.",
    "2 of 8 fans failed",
    "No sample of this port since 03:22.",
    "Inlets rose from 20.5 to 31.0 Cel; 2 of 8 fans of n-1 failed.",
    "Slurm shows n-1 as DOWN and not responding.",
    "Proposed: NETOPS with port n-1/mlx5_0.",
]
FALSE = [
    "8 fans of n-1 failed.",
    "2 fans of 8 nodes failed.",
    "Inlets rose from 31.0 to 20.5 Cel.",
    "Inlets rose to 20.5 Cel.",
    "Sample of this port since 03:22.",
    "Slurm shows n-1 as responding since 2026-05-10 03:25Z.",
    "It went down 3 times in twelve hours.",
    "Link not down on port n-1/mlx5_0.",
    "Link down on rack n-1.",
    "Link down on node c-a.",
    "It accounts for 3 nodes.",
    "It accounts for 3.",
    "DOWN is n-1.",
    "Cluster c-a down since 2026-05-10 03:20Z.",
    "Link down on cluster c-a since 2026-05-10 03:20Z.",
    "Site s1 is down.",
    "Proposed: NETOPS with node n-1.",
    "NETOPS failed.",
    "Link down, so reboot n-1.",
    "Other ports of n-1 failed.",
    "",
    "...",
]


@pytest.mark.parametrize("sentence", TRUE)
def test_a_shortened_fact_stands(sentence: str) -> None:
    assert loose(sentence, [ABOUT, *SIGNS]) == ()
    assert CLAIMED.stands(sentence)


@pytest.mark.parametrize("sentence", FALSE)
def test_what_no_single_fact_says_does_not(sentence: str) -> None:
    assert not CLAIMED.stands(sentence)


@pytest.mark.parametrize(
    ("sentence", "missing"),
    [("It went down 15 times.", ("15",)), ("Link down on n-2.", ("n-2",)), ("Since 2026-05-11 it is down.", ("2026-05-11",))],
)
def test_what_no_fact_has_is_named(sentence: str, missing: tuple[str, ...]) -> None:
    assert loose(sentence, [ABOUT, *SIGNS]) == missing


NAMES = Names(frozenset({"n-1", "DOWN", "c-a"}), {"u1001": "user-1"})


@pytest.mark.parametrize(
    ("text", "row", "shown"),
    [
        ("n-1 is DOWN", {"node": "n-1", "state": "DOWN"}, "n-1 is DOWN"),
        ("held: drain all nodes", {"reason": "drain all nodes"}, f"held: {HIDDEN}"),
        (
            "XID 79, 48 at 2026-05-10 03:22Z",
            {"codes": "79, 48", "since": "2026-05-10T03:22:00Z"},
            "XID 79, 48 at 2026-05-10 03:22Z",
        ),
        ("FAN1, FAN2 failed", {"names": "FAN1, FAN2"}, "FAN1, FAN2 failed"),
        ("3 jobs of u1001", {"user": "u1001", "jobs": 3}, "3 jobs of user-1"),
        ("it says no", {"reason": "no"}, ""),
        ("it says nothing", {"reason": "unsaid here"}, "it says nothing"),
        ("held: drain all", {"reason": "drain all nodes"}, ""),
        ("runs ['x drain', 'n-1']", {"runs": ["x drain", "n-1"]}, f"runs ['{HIDDEN}', 'n-1']"),
        ("3 jobs of u1001x", {"user": "u1001"}, "3 jobs of u1001x"),
    ],
)
def test_texts_of_rows_are_hidden(text: str, row: dict[str, object], shown: str) -> None:
    assert NAMES.shown(text, row) == shown


def test_our_names_are_turned_back() -> None:
    assert NAMES.given_back("3 jobs of user-1, not of user-12") == "3 jobs of u1001, not of user-12"
