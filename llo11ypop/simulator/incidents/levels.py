"""What each failure mode, decoy and cascade strikes: the levels of the entity that a scenario may name for it."""

from llo11ypop.simulator.incidents.decoy_plan import DECOY_PLAN
from llo11ypop.simulator.incidents.kinds import KINDS

LEVEL_OF_CASCADE = {
    "C1": "row", "C2": "driver", "C3": "gpu", "C4": "switch", "C5": "mount", "C6": "node", "C7": "gpu", "C8": "node",
    "C9": "cluster", "C10": "node",
}  # fmt: skip
WRITTEN = {
    "gpu": "gpu:gpu-a-017/3", "port": "port:gpu-a-017/mlx5_3", "node": "node:gpu-a-017", "rack": "rack:c-a-r03",
    "row": "row:c-a-row1", "switch": "switch:c-a-leaf01", "cluster": "cluster:c-a", "mount": "mount:c-a//scratch",
    "partition": "partition:c-a/train", "run": "run:r-112", "user": "user:u1001", "driver": "driver:570.86.15",
}  # fmt: skip
"""How an entity of each level is written. A GPU may be named by its node and slot: its UUID changes with the seed."""
_ALSO = {
    "F14": ("row",), "F16": ("rack",), "F17": ("rack",), "F23": ("switch",), "F38": ("cluster",),
    "D1": ("node", "row", "cluster"),
}  # fmt: skip
"""Beside its own level: a row on one air handler, a rack with one cause or feed, a whole cluster unwatched, planned work."""


def levels_of(mode: str) -> tuple[str, ...]:
    """The levels a mode can be put on, its own first."""
    if mode in LEVEL_OF_CASCADE:
        return (LEVEL_OF_CASCADE[mode],)
    own = DECOY_PLAN[mode][0] if mode in DECOY_PLAN else KINDS[mode].level
    return (own, *_ALSO.get(mode, ()))


def misplaced(mode: str, level: str) -> str:
    """What is wrong with putting a mode on a level, and what to write; empty where it belongs there."""
    levels = levels_of(mode)
    if level in levels:
        return ""
    ways = " or ".join(WRITTEN[name] for name in levels)
    return f"mode {mode} strikes a {' or a '.join(levels)}, not a {level}; name one, for example {ways}, or write any"
