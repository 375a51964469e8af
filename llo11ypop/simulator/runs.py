"""The long training runs: which nodes they hold, how a step looks, what attempts they had."""

from dataclasses import dataclass, field


@dataclass
class Attempt:
    """One Slurm job of a run, from start to end in seconds since the world's start."""

    job: int
    start_s: float
    end_s: float
    nodes: list[str]


@dataclass
class Run:
    """A multi-node training run. `nodes` are those of its first attempt; ranks are node-major, then slot."""

    run_id: str
    cluster: str
    user: str
    account: str
    model_name: str
    nodes: list[str]
    start_s: float
    end_s: float
    pipeline_stages: int
    flops_per_token: float
    peak_flops: float
    base_step_s: float
    tokens_per_step: float
    checkpoint_every_s: float
    checkpoint_bytes: float
    mount: str
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def gpus(self) -> int:
        """GPUs of the run."""
        return len(self.nodes) * 8

    @property
    def ranks(self) -> int:
        """Ranks, one per GPU."""
        return self.gpus

    def nodes_at(self, t_s: float) -> list[str]:
        """Node ids of the attempt that runs at an instant; empty between attempts."""
        attempt = self.attempt_at(t_s)
        return attempt.nodes if attempt else []

    def attempt_at(self, t_s: float) -> Attempt | None:
        """The attempt that runs at an instant; None between attempts."""
        return next((a for a in self.attempts if a.start_s <= t_s < a.end_s), None)

    def rank_of(self, node_id: str, slot: int = 0, *, at_s: float | None = None) -> int:
        """The rank of a GPU slot, or -1 when the node is not in the run."""
        nodes = self.nodes if at_s is None else self.nodes_at(at_s)
        return nodes.index(node_id) * 8 + slot if node_id in nodes else -1

    def stage_of(self, rank: int) -> int:
        """Pipeline stage of a rank: consecutive ranks share a stage."""
        return rank * self.pipeline_stages // self.ranks
