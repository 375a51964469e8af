"""What an operator can set: a YAML file with every default, over it the environment, over that the caller.

Order: arguments > `LLO11YPOP__SECTION__FIELD` > files in a secrets directory > `llo11ypop.yaml` > the
defaults below. A mistake in the file is reported with file and line, one in the environment with the name of
the variable.
"""

import os
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from llo11ypop.core.errors import ConfigError, UnknownNameError
from llo11ypop.core.ids import content_hash
from llo11ypop.core.located import load_located, validate
from llo11ypop.core.principal import Principal
from llo11ypop.settings_base import Duration, PositiveDuration, Section
from llo11ypop.settings_channels import Channels
from llo11ypop.settings_elasticsearch import ElasticsearchSection
from llo11ypop.settings_grafana import GrafanaSection
from llo11ypop.settings_models import ModelsSection
from llo11ypop.settings_prometheus import PrometheusSection

PREFIX = "LLO11YPOP__"
FILE_NAME = "llo11ypop.yaml"


class Telemetry(Section):
    """Where the fleet's telemetry is read."""

    store: Literal["duckdb", "elasticsearch"] = "duckdb"
    path: Path = Path(".llo11ypop/fleet.duckdb")
    aliases: Path | None = None
    """Folder of the fleet's own alias tables, as `llo11ypop catalog discover --write` makes them."""
    elasticsearch: ElasticsearchSection = ElasticsearchSection()
    prometheus: PrometheusSection = PrometheusSection()


class LedgerSection(Section):
    """Where proposals, verdicts and outcomes are kept."""

    path: Path = Path(".llo11ypop/ledger.sqlite")
    url: SecretStr | None = None
    """Address of a PostgreSQL, for several replicas; wins over `path`, `checkpoints` and `ask.threads`."""
    checkpoints: Path = Path(".llo11ypop/checkpoints.sqlite")
    """Paused approval threads."""


class Cycle(Section):
    """When the loop runs."""

    every: PositiveDuration = timedelta(minutes=5)
    timeout: PositiveDuration = timedelta(minutes=4)
    misfire_grace: Annotated[Duration, Field(ge=timedelta(seconds=60))] = timedelta(minutes=2)
    drain: PositiveDuration = timedelta(seconds=50)
    """How long a stop waits for the cycle to end at a border."""


class Budgets(Section):
    """How much the loop may propose."""

    proposals_per_cycle: int = Field(default=12, ge=1)
    proposals_per_day: int = Field(default=200, ge=1)
    disruptive_share: float = Field(default=0.05, gt=0, le=1)
    """Share of one cluster's nodes that open proposals may drain, reboot or reset; at least one node."""


class CircuitBreaker(Section):
    """When the loop stops trying."""

    failures: int = Field(default=3, ge=1)
    """Cycles that fail one after the other before it opens."""
    rest: PositiveDuration = timedelta(minutes=15)
    """How long no cycle is tried once it is open."""


class Proposals(Section):
    """How long proposals wait, and what counts as the same trouble again."""

    expire_after: PositiveDuration = timedelta(days=7)
    snooze: PositiveDuration = timedelta(hours=4)
    """How long 'snooze' is where nobody says."""
    reopen_within: PositiveDuration = timedelta(days=1)
    """A recurrence this soon reopens the proposal instead of filing a second one."""
    planned_grace: Duration = timedelta(minutes=30)
    """How long after the planned end of maintenance its effects may linger."""


class Jobs(Section):
    """How often the daemon looks after what waits."""

    expiry: PositiveDuration = timedelta(minutes=1)
    outcomes: PositiveDuration = timedelta(minutes=5)
    retention: PositiveDuration = timedelta(hours=24)


class Retention(Section):
    """How long rows are kept. Open proposals, their evidence and feedback are never deleted."""

    closed: PositiveDuration = timedelta(days=90)
    """Closed proposals with their evidence and threads, evidence that nothing cites, and cycles."""
    conversations: PositiveDuration = timedelta(days=90)
    """Threads of questions that nobody has gone on with, by the machine's clock."""
    model_calls: PositiveDuration = timedelta(days=90)
    """What models were asked and answered, by the machine's clock."""


class Console(Section):
    """The pages, the HTTP API, the probes and the metrics."""

    enabled: bool = True
    """Off: only the probes and the metrics are served."""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    """0 takes a free one."""
    hosts: tuple[str, ...] = ()
    """Names under which browsers may ask, beside this machine's own; `*` for any."""


class Ask(Section):
    """The conversation: where threads and charts are kept, and what may be read where nobody says who asks."""

    threads: Path = Path(".llo11ypop/conversations.sqlite")
    charts: Path = Path(".llo11ypop/charts")
    clusters: tuple[str, ...] | None = None
    """The clusters that may be read; none for all."""
    accounts: tuple[str, ...] | None = None
    """The accounts whose jobs and runs may be read; none for all."""
    pseudonyms: bool = False
    """Whether people's names are shown as pseudonyms."""
    salt: SecretStr = SecretStr("")
    """Mixed into pseudonyms; set it by environment or file."""

    def principal(self, name: str = "operator") -> Principal:
        """Who asks where nobody says: one who may see everything, or what is allowed here."""
        clusters = None if self.clusters is None else frozenset(self.clusters)
        accounts = None if self.accounts is None else frozenset(self.accounts)
        return Principal(name, clusters, accounts, self.pseudonyms)


class Mail(Section):
    """A mail server for reports; nothing is mailed while `host` or `to` is empty."""

    host: str = ""
    port: int = Field(default=587, ge=1, le=65535)
    starttls: bool = True
    user: str = ""
    password: SecretStr = SecretStr("")
    """Set it by environment or file. Never sent without TLS."""
    sender: str = "llo11ypop@localhost.localdomain"
    to: tuple[str, ...] = ()
    timeout: PositiveDuration = timedelta(seconds=30)


class Hook(Section):
    """An address that takes reports as JSON; nothing is posted while `url` is empty."""

    url: SecretStr = SecretStr("")
    """Often holds a token: set it by environment or file."""
    secret: SecretStr = SecretStr("")
    """Signs the body, when set."""
    timeout: PositiveDuration = timedelta(seconds=30)


class Report(Section):
    """Reports: when, about what, at what price, and to whom. Times are UTC."""

    nightly: str | None = None
    """A crontab line; none for never."""
    weekly: str | None = None
    night_begins: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "20:00"
    night_ends: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "08:00"
    price_per_gpu_hour: float | None = Field(default=None, ge=0)
    """None: no cost is stated."""
    currency: str = "USD"
    replay_every: PositiveDuration = timedelta(minutes=15)
    replay_cycles: int = Field(default=96, ge=1)
    """A longer period is replayed at a wider cadence."""
    folder: Path | None = Path(".llo11ypop/reports")
    mail: Mail = Mail()
    webhook: Hook = Hook()


class Logging(Section):
    """What is written to stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


class Settings(Section):
    """Everything an operator can set. `load_settings` makes one."""

    telemetry: Telemetry = Telemetry()
    ledger: LedgerSection = LedgerSection()
    cycle: Cycle = Cycle()
    budgets: Budgets = Budgets()
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    proposals: Proposals = Proposals()
    jobs: Jobs = Jobs()
    retention: Retention = Retention()
    console: Console = Console()
    ask: Ask = Ask()
    models: ModelsSection = ModelsSection()
    report: Report = Report()
    channels: Channels = Channels()
    grafana: GrafanaSection = GrafanaSection()
    logging: Logging = Logging()
    config_dir: Path = Field(default=Path("config"), exclude=True)
    """Where catalog/, playbooks/, goals.yaml … were found. Set by `load_settings`, not by the file."""

    @property
    def config_hash(self) -> str:
        """Twelve hex digits over the settings and every YAML file of the configuration directory."""
        texts = {
            str(path.relative_to(self.config_dir)): path.read_text(encoding="utf-8")
            for path in sorted(self.config_dir.rglob("*.yaml"))
            if path.name != FILE_NAME
        }
        own = self.telemetry.aliases
        texts |= {str(path): path.read_text(encoding="utf-8") for path in sorted(own.glob("*.yaml"))} if own else {}
        if self.models.file is not None and self.models.file.is_file():
            texts["models.file"] = self.models.file.read_text(encoding="utf-8")
        return content_hash(self.model_dump(mode="json"), texts)[:12]

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Where proposals are told: the channels that are set up, and Grafana, which gets a dashboard of each."""
        return (*self.channels.names, *(("grafana",) if self.grafana.url and self.grafana.incidents else ()))

    @property
    def ledger_url(self) -> str:
        """The ledger as a SQLAlchemy URL."""
        return self.ledger.url.get_secret_value() if self.ledger.url else f"sqlite:///{self.ledger.path}"

    @property
    def shared_url(self) -> str | None:
        """The PostgreSQL that several replicas share: ledger, threads and leadership; none on one machine."""
        return self.ledger_url if self.ledger_url.startswith("postgres") else None

    @property
    def approvals_at(self) -> Path | str:
        """Where paused approvals are kept."""
        return self.shared_url or self.ledger.checkpoints

    @property
    def conversations_at(self) -> Path | str:
        """Where the threads of questions are kept."""
        return self.shared_url or self.ask.threads


class _Layered(BaseSettings, Settings):
    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__", secrets_dir_missing="ok"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given: dict[str, Any] = dict(init_settings())
        from_file = given.pop("from_file")
        return (
            InitSettingsSource(settings_cls, given),
            env_settings,
            NestedSecretsSettingsSource(
                file_secret_settings,
                secrets_dir=os.environ.get("LLO11YPOP_SECRETS", "/run/secrets/llo11ypop"),
                secrets_dir_missing="ok",
                env_prefix="",
                secrets_nested_delimiter="__",
            ),
            InitSettingsSource(settings_cls, from_file),
        )


_chosen: list[Path] = []


def use_config(path: Path) -> None:
    """Make `path` (`--config`) the place that `load_settings` reads when it is not told otherwise."""
    _chosen[:] = [path]


def packaged_config() -> Path:
    """The configuration that travels with the program: in the wheel `_config`, in a checkout `config`."""
    package = Path(str(files("llo11ypop")))
    return next((p for p in (package / "_config", package.parent / "config") if p.is_dir()), package / "_config")


def find_config() -> Path:
    """`--config`, `LLO11YPOP_CONFIG`, ./config or the packaged one: a directory or a settings file."""
    if _chosen:
        return _chosen[0]
    if named := os.environ.get("LLO11YPOP_CONFIG"):
        return Path(named)
    return Path("config") if Path("config", FILE_NAME).is_file() else packaged_config()


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read and check the settings.

    `config` is a directory or a file; a file alone uses the catalog and playbooks beside it, or the packaged
    ones. `overrides` are sections as dicts, such as `console={"port": 0}`. Raises ConfigError for the
    first mistake, with file and line, or with the name of the variable.
    """
    path = config or find_config()
    if not path.exists():
        raise ConfigError(f"no configuration at {path}", next_step="name a directory that holds llo11ypop.yaml")
    file = path / FILE_NAME if path.is_dir() else path
    from_file: dict[str, Any] = {}
    if file.is_file():
        located = load_located(file.read_text(encoding="utf-8"), str(file))
        if located.value is not None:
            if isinstance(located.value, dict) and "config_dir" in located.value:
                raise located.error("config_dir: say it with --config", ("config_dir",))
            validate(Settings, located)
            from_file = located.value
    _check_environment()
    try:
        layered = _Layered(**{**overrides, "from_file": from_file})
    except ValidationError as bad:
        first = bad.errors(include_url=False, include_input=False)[0]
        names = [str(p) for p in first["loc"]]
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"{PREFIX}{'__'.join(names).upper()}: {message}",
            next_step="it comes from the environment, a secrets file or an argument",
        ) from bad
    values = {name: getattr(layered, name) for name in Settings.model_fields}
    return Settings.model_validate({**values, "config_dir": _knowledge_dir(file.parent)})


def _knowledge_dir(beside: Path) -> Path:
    return beside if (beside / "catalog").is_dir() else packaged_config()


def _check_environment() -> None:
    """Refuse `LLO11YPOP__…` variables of sections that do not exist (pydantic-settings would ignore them)."""
    sections = {name.upper() for name in Settings.model_fields} - {"CONFIG_DIR"}
    for variable in sorted(os.environ):
        section = variable.removeprefix(PREFIX).partition("__")[0].upper()
        if variable.startswith(PREFIX) and section not in sections:
            raise UnknownNameError("section of the settings", section, sections, where=variable)
