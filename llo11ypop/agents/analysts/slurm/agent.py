"""Slurm: jobs, node states, queue and scheduler."""

from llo11ypop.agents.analysts.analyst import Analyst
from llo11ypop.core.vocabulary import Area

ANALYST = Analyst(
    area=Area.SLURM,
    title="Slurm jobs, nodes and scheduler",
    datasets=(
        "slurm_jobs",
        "slurm_job_nodes",
        "slurm_nodes",
        "slurm_queue",
        "slurm_sched",
        "slurm_config_changes",
        "health_checks",
    ),
    traps=(
        "FAILED is not CANCELLED: cancelled, preempted and requeued jobs are left out of failure rates.",
        "The accounting table holds finished jobs only.",
        "A drained node may be planned work; look at the maintenance calendar first.",
    ),
)
