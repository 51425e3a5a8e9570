"""Every setting of a process, read from SHELFGRAPH_* in its environment, with the reference people read."""

from __future__ import annotations

import os
import re
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "SHELFGRAPH_"
_REQUESTS_PER_MINUTE = 6_000
_SANDBOX_SECRET = "sandbox"  # noqa: S105 - the published default of development


class Environment(StrEnum):
    """Whom a process serves: its developer, its tests, or customers."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    """For eyes, or for a collector of logs."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least important thing that is still written down."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class FreeDocuments(StrEnum):
    """Who may send documents that were not published."""

    EVERYBODY = "everybody"
    OWN_APPS = "own-apps"
    NOBODY = "nobody"


class BadSettings(Exception):  # noqa: N818 - what it says is for the person who set them
    """The environment cannot be used; `problems` holds one line for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _starts_with(*starts: str) -> AfterValidator:
    def check(address: str) -> str:
        if not address.startswith(starts):
            raise ValueError(f"should start with {' or '.join(starts)}")
        return address

    return AfterValidator(check)


_PostgresAddress = Annotated[str, _starts_with("postgresql://", "postgres://")]
_RedisAddress = Annotated[str, _starts_with("redis://", "rediss://", "unix://")]


class Settings(BaseSettings):
    """What a process was told when it was started; unset and empty variables mean the default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    env: Environment = Field(
        default=Environment.DEVELOPMENT,
        description="development, test or production. Development shows errors in detail, allows free "
        "documents and prints tokens.",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="The address the server listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="The port the server listens on.")
    public_url: Annotated[str, _starts_with("http://", "https://")] | None = Field(
        default=None,
        description="Where the world reaches this server, for what payment providers are told to call. "
        "Unset: the address it listens on.",
    )
    data_dir: Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())] = Field(
        default=Path("var"),
        validate_default=True,
        description="The folder of the embedded database and of the files a process keeps. "
        "One server at a time uses a folder.",
    )
    database_url: _PostgresAddress | None = Field(
        default=None,
        repr=False,
        description="An outside PostgreSQL, 18 or newer: postgresql://user:password@host:5432/name. "
        "Unset: the embedded one, in the data folder.",
    )
    database_direct_url: _PostgresAddress | None = Field(
        default=None,
        repr=False,
        description="The same database past a transaction pooler, for LISTEN and advisory locks. "
        "Unset: the address above.",
    )
    redis_url: _RedisAddress | None = Field(
        default=None,
        repr=False,
        description="A Redis, 6.2 or newer, that brings events to every process: redis://host:6379/0. Unset, "
        "and while it is away, they come by PostgreSQL alone; nothing is lost either way.",
    )
    replay_hours: float = Field(
        default=24,
        gt=0,
        le=8760,
        description="How long events are kept for subscribers that come back with a cursor; "
        "an older cursor is answered by RESYNC.",
    )
    replay_at_least: int = Field(
        default=10_000,
        ge=0,
        le=100_000_000,
        description="How many of the latest events are kept however old they are.",
    )
    replay_in_memory: int = Field(
        default=10_000,
        ge=0,
        le=1_000_000,
        description="How many of the latest events a process has in memory, so that whoever comes back "
        "after a moment costs no query. About 500 bytes each.",
    )
    pool_size: int = Field(
        default=10, ge=1, le=1000, description="The most database connections of one process."
    )
    compiled_operations: bool = Field(
        default=True,
        description="Whether operations are compiled to functions of their own, which give the same answers "
        "sooner.",
    )
    default_locale: str = Field(
        default="zh-HK",
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="The language of whoever does not ask for one.",
    )
    currency: str = Field(
        default="HKD", pattern=r"^[A-Z]{3}$", description="The group's currency, three letters of ISO 4217."
    )
    payment_hold_seconds: int = Field(
        default=900, ge=1, le=604_800, description="How long stock is held while a payment is awaited."
    )
    pickup_hold_seconds: int = Field(
        default=259_200,
        ge=1,
        le=7_776_000,
        description="How long an order waits in the store once it is ready; then its money goes back.",
    )
    sandbox_secret: SecretStr = Field(
        default=SecretStr(_SANDBOX_SECRET),
        min_length=1,
        description="Signs the notifications of the sandbox payment provider. Production has to set its own.",
    )
    wechat_pay_merchant_id: str | None = Field(
        default=None,
        pattern=r"^[0-9]{8,32}$",
        description="The merchant number at WeChat Pay (v3, CNY). With it all of SHELFGRAPH_WECHAT_PAY_* but "
        "MOBILE_APP_ID are needed (docs/payments.md); unset: nobody pays with WeChat.",
    )
    wechat_pay_app_id: str | None = Field(
        default=None, description="The appid of the mini-program or official account in which is paid."
    )
    wechat_pay_mobile_app_id: str | None = Field(
        default=None, description="The appid of the app, where one pays with WeChat too."
    )
    wechat_pay_serial: str | None = Field(
        default=None,
        pattern=r"^[0-9A-Fa-f]{8,64}$",
        description="The serial number of the merchant's own certificate, in hex.",
    )
    wechat_pay_key_file: Path | None = Field(
        default=None, description="The merchant's private key in PEM (apiclient_key.pem)."
    )
    wechat_pay_v3_key: SecretStr | None = Field(
        default=None, min_length=32, max_length=32, description="The APIv3 key that opens notices."
    )
    wechat_pay_platform_keys: str | None = Field(
        default=None,
        description="The keys WeChat Pay signs with, by commas: PUB_KEY_ID_...=/path/pub_key.pem, or the "
        "path of a platform certificate. Name both while the platform changes from one to the other.",
    )
    wechat_pay_url: Annotated[str, _starts_with("https://", "http://")] = Field(
        default="https://api.mch.weixin.qq.com", description="Where WeChat Pay is called."
    )
    alipay_app_id: str | None = Field(
        default=None,
        pattern=r"^[0-9]{8,32}$",
        description="The application at Alipay's open platform. With it ALIPAY_KEY_FILE and "
        "ALIPAY_PUBLIC_KEY_FILE are needed (docs/payments.md); unset: nobody pays with Alipay.",
    )
    alipay_seller_id: str | None = Field(
        default=None, pattern=r"^2088[0-9]{12}$", description="The merchant's user id, checked in notices."
    )
    alipay_key_file: Path | None = Field(
        default=None, description="The application's private key, in PEM or bare base64."
    )
    alipay_public_key_file: Path | None = Field(
        default=None,
        description="The key Alipay signs with, not the application's own one, in PEM or bare base64.",
    )
    alipay_return_url: Annotated[str, _starts_with("https://", "http://")] | None = Field(
        default=None, description="Where browsers come back to from Alipay's pages."
    )
    alipay_currency: str = Field(
        default="CNY",
        pattern=r"^(CNY|HKD)$",
        description="CNY, or HKD where the contract with Alipay says so.",
    )
    alipay_url: Annotated[str, _starts_with("https://", "http://")] = Field(
        default="https://openapi.alipay.com/gateway.do", description="Where Alipay is called."
    )
    payment_call_seconds: float = Field(
        default=5,
        gt=0,
        le=60,
        description="How long a payment provider may take for an answer; with repeats, twice as long.",
    )
    signing_key: SecretStr | None = Field(
        default=None,
        description="The Ed25519 private key that signs tokens, in PEM. Several machines need the same one. "
        "Unset: a key file is made in the data folder.",
    )
    verifying_keys: str = Field(
        default="",
        description="Ed25519 public keys in PEM, one after another, whose tokens count too: the next key "
        "before it signs, and the last one until its tokens have run out.",
    )
    data_key: SecretStr | None = Field(
        default=None,
        description="The key under which personal values are sealed: 32 bytes in base64. Whoever loses it "
        "has lost them; several machines need the same one. Unset: a key file is made in the data folder.",
    )
    phone_regions: str = Field(
        default="CN,HK",
        pattern=r"^[A-Z]{2}(,[A-Z]{2})*$",
        description="Where telephone numbers without a + are dialled: regions of ISO 3166, the "
        "likeliest first.",
    )
    access_token_seconds: int = Field(
        default=900, ge=30, le=86_400, description="How long an access token of a sign-in counts."
    )
    refresh_token_days: int = Field(
        default=30, ge=1, le=365, description="How long a sign-in lasts that is not used."
    )
    sign_ins_per_client: int = Field(
        default=300,
        ge=1,
        le=1_000_000,
        description="How often codes and passwords may be asked for or tried from one network address within "
        "10 minutes.",
    )
    sms_url: Annotated[str, _starts_with("http://", "https://")] | None = Field(
        default=None,
        description="Where one-time codes are sent to: POST with JSON phone, text and code, and X-Signature. "
        "Unset: printed in development, and nobody can sign in by phone in production.",
    )
    sms_secret: SecretStr | None = Field(
        default=None,
        description="The key of X-Signature: hex HMAC-SHA256 of the body. Needed with the above.",
    )
    wechat_mini_program_app_id: str | None = Field(
        default=None, description="The mini-program whose users sign in by WeChat. Unset: nobody does."
    )
    wechat_mini_program_secret: SecretStr | None = Field(
        default=None, description="That mini-program's AppSecret. Needed with the above."
    )
    wechat_url: Annotated[str, _starts_with("http://", "https://")] = Field(
        default="https://api.weixin.qq.com", description="Where WeChat is asked who logged in."
    )
    oidc_issuer: Annotated[str, _starts_with("https://", "http://")] | None = Field(
        default=None,
        description="Who signs staff in by OpenID Connect: the issuer, as its tokens name it. Unset: nobody.",
    )
    oidc_client_id: str | None = Field(
        default=None, description="As whom the issuer knows this shop: the audience of its tokens."
    )
    connections: int = Field(
        default=20_000,
        ge=1,
        le=1_000_000,
        description="The most sockets and event streams of one process; who comes then is told to try later.",
    )
    connections_per_caller: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="Of these, the most for one who has signed in: a member, a clerk, a device, a partner.",
    )
    operations_per_connection: int = Field(
        default=50, ge=1, le=10_000, description="The most operations that run on one of them at a time."
    )
    free_documents: FreeDocuments | None = Field(
        default=None,
        description="Who may send documents that were not published: everybody, own-apps (all but partners "
        "and devices) or nobody. Unset: own-apps in production, everybody elsewhere.",
    )
    introspection: bool | None = Field(
        default=None,
        description="Whether the schema is told to whoever may send free documents. "
        "Unset: in development only.",
    )
    budget_per_minute: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        description="Points of cost that a caller may ask for in a minute; partners have budgets of their "
        "own. Unset: no end.",
    )
    requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        description="The most operations of one caller in a minute, for visitors of one address. "
        "Unset: 6000 in production, no end elsewhere.",
    )
    shutdown_grace_seconds: float = Field(
        default=10,
        ge=0,
        le=3600,
        description="How long requests under way may take to finish once the server is told to stop.",
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR.")
    log_format: LogFormat | None = Field(
        default=None, description="console or json. Unset: console in development, json elsewhere."
    )

    @model_validator(mode="after")
    def _fit_for_customers(self) -> Self:
        if self.env is Environment.PRODUCTION and self.sandbox_secret.get_secret_value() == _SANDBOX_SECRET:
            raise ValueError(f"{PREFIX}SANDBOX_SECRET: production needs a secret of its own.")
        return self

    @property
    def documents(self) -> FreeDocuments:
        """Who may send documents that were not published."""
        if self.free_documents is not None:
            return self.free_documents
        return FreeDocuments.OWN_APPS if self.env is Environment.PRODUCTION else FreeDocuments.EVERYBODY

    @property
    def tells_schema(self) -> bool:
        """Whether the schema is told, and guessed at in suggestions."""
        return self.is_development if self.introspection is None else self.introspection

    @property
    def most_requests(self) -> int | None:
        """The most operations of one caller in a minute; None: no end."""
        if self.requests_per_minute is not None:
            return self.requests_per_minute
        return _REQUESTS_PER_MINUTE if self.env is Environment.PRODUCTION else None

    @property
    def base_url(self) -> str:
        """Where the world reaches this server, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def is_development(self) -> bool:
        """Whether the conveniences for developers are on."""
        return self.env is Environment.DEVELOPMENT


def load() -> Settings:
    """The settings of this process.

    Raises BadSettings with one line per variable that cannot be used; the values of secrets are not in it.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise BadSettings([_line(dict(problem)) for problem in error.errors(include_url=False)]) from None


def reference(settings: Settings) -> str:
    """Every variable as a line of an environment file, with its meaning; what was not set is commented out.

    Secrets, and passwords inside addresses, are shown as asterisks.
    """
    blocks = []
    for name, field in Settings.model_fields.items():
        value, default = getattr(settings, name), field.get_default()
        is_set = name in settings.model_fields_set
        lines = textwrap.wrap(field.description or "", 98, initial_indent="# ", subsequent_indent="# ")
        lines.append(f"# Default: {_shown(default) or 'unset'}")
        lines.append(f"{'' if is_set else '# '}{PREFIX}{name.upper()}={_shown(value if is_set else default)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def unknown_variables() -> list[str]:
    """Names in the environment that look like settings and are none, most likely misspelt."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {
        f"{PREFIX}{name}" for name in ("CHROMIUM", "REQUIRE_CHROMIUM", "REQUIRE_NODE")
    }  # what the tests read
    return sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return "********"
    return re.sub(r"(?<=://)([^/@]*):([^/@]*)(?=@)", r"\1:********", str(value))


def _line(problem: dict[str, Any]) -> str:
    said = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return said
    name = str(problem["loc"][0])
    field: FieldInfo | None = Settings.model_fields.get(name)
    sensible = field is not None and (field.repr is False or "Secret" in str(field.annotation))
    given = "" if sensible else f"={problem['input']!s}"
    return f"{PREFIX}{name.upper()}{given}: {said[0].lower()}{said[1:]}."
