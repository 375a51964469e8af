"""Training runs: convergence, progress, stragglers, checkpoints."""

from llo11ypop.agents.analysts.analyst import Analyst
from llo11ypop.core.vocabulary import Area

ANALYST = Analyst(
    area=Area.TRAINING,
    title="Training runs",
    datasets=("training_runs", "training_ranks", "training_steps", "training_evals", "checkpoints"),
    traps=(
        "Most stragglers are pipeline-stage or sequence-length imbalance, not hardware.",
        "A loss spike is the optimiser's or the data's unless it follows one node.",
        "A step gap may be a checkpoint or an evaluation.",
    ),
)
