"""The closed lists of words that configuration, proposals, truth records and tickets share."""

from enum import StrEnum


class Area(StrEnum):
    """The functional area of an analyst (MISSION M9)."""

    GPU = "gpu"
    SLURM = "slurm"
    LOGS = "logs"
    KUBERNETES = "kubernetes"
    ENVIRONMENT = "environment"
    NETWORK = "network"
    PARTS = "parts"
    TRAINING = "training"


class Level(StrEnum):
    """What kind of thing an entity is; ordered roughly from small to large in `LEVEL_ORDER`."""

    GPU = "gpu"
    PORT = "port"
    NODE = "node"
    RACK = "rack"
    ROW = "row"
    SWITCH = "switch"
    MOUNT = "mount"
    PARTITION = "partition"
    RUN = "run"
    USER = "user"
    PART = "part"
    DRIVER = "driver"
    CLUSTER = "cluster"
    SITE = "site"
    FLEET = "fleet"


class Action(StrEnum):
    """What can be proposed (DOMAIN §2)."""

    NONE = "NONE"
    NOTIFY = "NOTIFY"
    RESTART_APP = "RESTART_APP"
    RESET_GPU = "RESET_GPU"
    REBOOT = "REBOOT"
    DRAIN = "DRAIN"
    DIAG = "DIAG"
    RMA = "RMA"
    TECH = "TECH"
    FAC = "FAC"
    NETOPS = "NETOPS"
    STORAGE = "STORAGE"
    SCHED = "SCHED"
    HOLD = "HOLD"
    PLATFORM = "PLATFORM"
    """Repair the telemetry itself (exporter, BMC, clock); never touches hardware."""
    ESCALATE = "ESCALATE"
    """Hand to vendor support or a senior engineer: the usual remedy was tried too often (DOMAIN §2.2)."""


class Queue(StrEnum):
    """Who receives a ticket."""

    GPU_HW = "GPU-HW"
    FAC = "FAC"
    NETOPS = "NETOPS"
    STORAGE = "STORAGE"
    SCHED = "SCHED"
    PLATFORM = "PLATFORM"
    USER = "USER"
    SUPPLY = "SUPPLY"


class Severity(StrEnum):
    """S1 page now; S2 within the hour, drain; S3 next business day; S4 record and watch (DOMAIN §2)."""

    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"
