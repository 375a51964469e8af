"""How many decoys of each kind a fleet of 64 nodes sees in 21 days, on what, and for how long (our assumption)."""

import numpy as np

DECOY_PLAN: dict[str, tuple[str, float]] = {
    "D1": ("rack", 4), "D2": ("node", 14), "D3": ("node", 5), "D4": ("node", 6), "D5": ("gpu", 9), "D6": ("node", 8),
    "D7": ("rack", 5), "D8": ("cluster", 4), "D9": ("user", 5), "D10": ("cluster", 2), "D11": ("gpu", 6),
    "D12": ("switch", 2), "D13": ("run", 4), "D14": ("node", 4), "D15": ("node", 6), "D16": ("node", 1), "D17": ("rack", 2),
    "D18": ("gpu", 8),
}  # fmt: skip
"""Level and count by kind; 95 in all."""

_HOURS = {
    "D1": (1.5, 8), "D2": (0.02, 0.1), "D3": (0.1, 0.3), "D4": (2, 24), "D5": (1, 30), "D6": (0.1, 0.3), "D7": (1, 8),
    "D8": (0.1, 0.2), "D9": (0.02, 0.05), "D10": (2, 8), "D11": (24, 400), "D12": (0.8, 3), "D13": (8, 72),
    "D14": (4, 48), "D15": (2, 12), "D16": (400, 1000), "D17": (8, 36), "D18": (0.02, 0.1),
}  # fmt: skip


def decoy_duration_s(name: str, rng: np.random.Generator) -> float:
    """How long one lasts, log-uniform in its range."""
    low, high = _HOURS[name]
    return float(np.exp(rng.uniform(np.log(low), np.log(high)))) * 3600.0
