"""Every setting of MindReader, declared once: name, type, default and help.

Any of them may be read from a file, as secrets of containers are: ``MINDREADER_DATABASE_URL_FILE=/run/secrets/url``.

The same declarations feed the environment (``MINDREADER_…``), ``mindreader settings`` and
``docs/settings.md``; a test fails when the page and this table differ.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    computed_field,
    field_validator,
)

from mindreader.errors import ConfigurationError
from mindreader.region_schemes import BEST_REGIONS, REGION_SCHEMES

ENV_PREFIX = "MINDREADER_"
_FILE = "_FILE"
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})

# Variables with the prefix that are no settings of the server: read by the command line and the tests.
COMPANION_VARIABLES = frozenset(f"{ENV_PREFIX}{name}" for name in ("SERVER", "TOKEN", "DATA", "TEST_QDRANT_URL"))


class Settings(BaseModel):
    """Every setting and its value; everything has a default that runs on one machine alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("mindreader")),
        description="Folder for everything MindReader keeps: catalog, photos, photo index, secrets.",
    )
    host: str = Field(default="127.0.0.1", description="Address the web server listens on.")
    port: int = Field(default=8765, ge=0, le=65535, description="Port the web server listens on; 0 picks a free one.")
    web_threads: int = Field(default=16, ge=2, le=256, description="Requests served at the same time.")

    database_url: str = Field(
        default="", description="Catalog as an SQLAlchemy URL; empty means SQLite in the data folder."
    )
    broker_url: str = Field(
        default="memory://",
        description="Celery broker. memory:// runs the workers inside the server; redis://… expects separate workers.",
    )
    result_backend: str = Field(
        default="", description="Celery result store; empty follows the broker (memory or the same Redis)."
    )
    qdrant_url: str = Field(
        default="",
        description="Qdrant server for the photo index; empty means Qdrant Edge in the data folder.",
    )
    qdrant_api_key: SecretStr = Field(default=SecretStr(""), description="API key of the Qdrant server.")
    qdrant_timeout: float = Field(default=30.0, gt=0, description="Seconds to wait for the Qdrant server.")
    qdrant_grpc_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Speak gRPC with the Qdrant server, on this port of it (6334 as a rule); without it HTTP.",
    )
    qdrant_ca_file: Path | None = Field(
        default=None, description="Certificates to trust for an https Qdrant server, beside the system's; a PEM file."
    )
    regions: str = Field(
        default=BEST_REGIONS,
        description="Regions of photos that searches look at beside the whole, in a new installation: the name of a "
        f"scheme ({', '.join(REGION_SCHEMES)}), or auto, the best that the model can have. Later, regions are added to "
        "a model version on the page Models.",
    )
    qdrant_quantization: Literal["none", "int8", "binary"] = Field(
        default="none",
        description="How a Qdrant server searches; what it finds is compared again in full. int8 suits the default "
        "space, binary spaces of a thousand numbers and more. New indexes only.",
    )
    qdrant_on_disk: bool = Field(
        default=False, description="A Qdrant server keeps full vectors on its disk, not in memory. New indexes only."
    )
    qdrant_shards: int = Field(default=1, ge=1, description="Shards of an index in a Qdrant cluster. New indexes only.")
    qdrant_replicas: int = Field(
        default=1, ge=1, description="Copies of each shard in a Qdrant cluster. New indexes only."
    )
    blobs_url: str = Field(
        default="",
        description="Where originals, thumbnails and previews lie, as an fsspec URL; empty means the data folder.",
    )

    device: str = Field(default="auto", description="Where the networks run: auto, cpu, cuda or cuda:N.")
    engine: Literal["auto", "torch", "openvino"] = Field(
        default="auto",
        description="What runs the networks: openvino, the fastest on processors, or torch, which GPUs need. auto "
        "takes torch where there is a GPU, and for networks OpenVINO cannot run.",
    )
    inference_threads: int = Field(
        default=0, ge=0, description="Threads of a processor for the networks; 0: as many as there are processors."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="Arithmetic of the networks; auto takes bfloat16 where the processor is fast at it.",
    )
    compiled_models: Path | None = Field(
        default=None,
        description="Folder for networks as OpenVINO runs them, made once from each bundle; without it, in the data "
        "folder. Several MindReaders on one machine may share it.",
    )
    embed_batch_size: int = Field(
        default=0,
        ge=0,
        le=4096,
        description="Photos a worker takes up and writes together; 0 takes 32, or as many as a GPU is fastest with.",
    )
    embed_nice: int = Field(
        default=15,
        ge=0,
        le=19,
        description="Priority of embedding and of reading folders on a processor, as nice counts it: above 0 it comes "
        "after searches, and after whatever else runs there. Lower it where other programs keep the processors busy. "
        "Bundles are tried at this priority, too, but at most 10 steps down.",
    )
    embed_slice_seconds: float = Field(
        default=20.0, gt=0, description="How long one embed task works before it hands over to the next one."
    )
    decode_processes: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Processes that decode photos, for uploads and embedding; 0 takes as many as there are "
        "processors, from 2 to 8.",
    )
    decode_memory: int = Field(
        default=0,
        ge=0,
        description="Bytes for all pictures that are decoded at the same time; a picture that needs more is refused. "
        "0 takes an eighth of the memory, 640 MiB at most.",
    )
    decode_seconds: int = Field(
        default=20, ge=1, description="Seconds of a processor after which the decoding of a picture is stopped."
    )
    lease_seconds: float = Field(
        default=120.0,
        gt=0,
        description="After this long without word from a worker its photos are given to another.",
    )
    max_attempts: int = Field(
        default=5, ge=1, description="After how many stopped workers a photo that each of them held counts as failed."
    )
    search_timeout: float = Field(default=60.0, gt=0, description="Seconds the web waits for a search worker.")
    imaginary_images: int = Field(
        default=4,
        ge=1,
        le=8,
        description="Readings of a sketch offered at most, each with an imaginary image.",
    )

    upload_max_bytes: int = Field(default=100 * 2**20, ge=1, description="Largest photo file that is taken.")
    request_max_bytes: int = Field(default=1 * 2**30, ge=1, description="Largest upload request as a whole.")
    skip_folders: str = Field(
        default="",
        description="Names of folders that uploads pass over, beside hidden ones and those of systems (@eaDir, "
        "#recycle); with commas between them, * for any characters.",
    )
    image_max_pixels: int = Field(default=200_000_000, ge=1, description="Largest photo that is decoded, in pixels.")
    thumbnail_pixels: int = Field(default=512, ge=64, le=2048, description="Longer side of a thumbnail.")
    sketch_max_bytes: int = Field(
        default=32 * 2**20,
        ge=1,
        description="Largest file that is taken as a sketch; a phone's photo of paper may be one.",
    )
    trash_days: int = Field(
        default=30,
        ge=0,
        le=36500,
        description="How long deleted photos and collections can be restored; 0 removes them for good at once.",
    )

    folder_roots: str = Field(
        default="",
        description="Folders of the server that administrators may show in place, with everything below them; commas "
        "between them. Empty: none. Web servers and embed workers see them under the same names.",
    )
    folder_scan_hours: float = Field(
        default=24.0,
        ge=0,
        description="Hours after which a folder that is shown in place is looked through again; 0: only when it is "
        "asked for, or watched.",
    )
    folder_forget_days: int = Field(
        default=30,
        ge=0,
        le=36500,
        description="Days after which photos whose files are missing from a folder are removed; 0: only by hand. A "
        "folder whose disk is away loses none.",
    )

    learn_from_use: bool = Field(
        default=False,
        description="A model version that learns this library (page Models) may also learn from what people did: "
        "sketches they saved under the name of a category. Without it, from photos and their categories alone.",
    )

    bundle_max_bytes: int = Field(
        default=4 * 2**30, ge=1, description="Largest model bundle that is taken, as a zip file."
    )
    bundle_trial_memory: int = Field(
        default=0,
        ge=0,
        description="Bytes of memory a worker lets the trial of a bundle take; 0: half of the machine's, 2 GiB at "
        "least.",
    )
    bundle_trial_seconds: float = Field(
        default=120.0,
        gt=0,
        description="Seconds the trial of a bundle may keep half of the processors busy; on the clock, twice as many.",
    )

    translations_dir: Path | None = Field(
        default=None, description="Folder with further translations of the pages: de.po for German, and so on."
    )
    session_days: int = Field(default=30, ge=1, description="How long a browser stays signed in.")
    secure_cookies: bool = Field(default=False, description="Send cookies over HTTPS only; set it behind TLS.")
    trusted_proxies: int = Field(
        default=0, ge=0, description="Reverse proxies in front of the server whose headers count."
    )
    allowed_hosts: str = Field(
        default="",
        description="Public names the server is reached by, with commas between them: photos.example.org, "
        "*.example.net; * takes any. Addresses, names without a dot and names below .local, .lan and .internal always "
        "count.",
    )
    login_rate: str = Field(
        default="10/minute", description="Sign-in attempts allowed per address, and changes of a password per user."
    )
    openid_issuer: str = Field(
        default="",
        description="Issuer of an OpenID Connect provider people may sign in with, as https://id.example.org; empty: "
        "none.",
    )
    openid_client_id: str = Field(
        default="",
        validate_default=True,
        description="Client id of MindReader there. Redirect URI: …/sign-in/openid/callback; after signing out: "
        "…/sign-in.",
    )
    openid_client_secret: SecretStr = Field(
        default=SecretStr(""), description="Its client secret; empty for a public client, which PKCE alone protects."
    )
    openid_label: str = Field(
        default="OpenID", description="What people know the provider by: the button says `Sign in with …`."
    )
    openid_scopes: str = Field(
        default="openid profile email",
        validate_default=True,
        description="Scopes that are asked for; some providers name groups only with `groups` among them.",
    )
    openid_groups_claim: str = Field(
        default="groups", description="Claim that names a person's groups, a list or one name."
    )
    openid_create_accounts: bool = Field(
        default=False, description="Whoever may come in and has no account gets one, a member's without a password."
    )
    openid_link_emails: bool = Field(
        default=False,
        description="Who first comes with a verified e-mail address that is an account's name is taken for that "
        "account. Only with a provider that verifies addresses.",
    )
    openid_allowed_groups: str = Field(
        default="", description="Groups whose members may come in this way, with commas between; empty: all."
    )
    openid_allowed_domains: str = Field(
        default="",
        description="Domains of verified e-mail addresses that may come in this way, with commas between; empty: all.",
    )
    openid_admin_groups: str = Field(
        default="",
        description="Groups whose members are administrators, with commas between; who comes this way and is in none "
        "is a member then. Empty: roles are given on the page Users.",
    )
    openid_sign_out: bool = Field(
        default=True, description="Who came this way and signs out here is sent to sign out of the provider, too."
    )
    search_rate: str = Field(default="120/minute", description="Searches allowed per user.")
    public_links: bool = Field(
        default=True,
        description="People may make links that show their photos without an account; false also closes those there "
        "are.",
    )
    public_link_rate: str = Field(
        default="1200/minute", description="Requests for public links and their pictures allowed per address."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="How much is logged.")
    log_format: Literal["text", "json"] = Field(default="text", description="Lines for people, or JSON for machines.")
    traces_url: str = Field(
        default="",
        description="OpenTelemetry collector traces are sent to (OTLP over HTTP), as http://collector:4318; "
        "empty sends none. Needs mindreader[traces].",
    )
    metrics_token: SecretStr = Field(
        default=SecretStr(""),
        description="Bearer token with which Prometheus reads /metrics; empty closes it.",
    )

    @field_validator("regions")
    @classmethod
    def _is_a_scheme(cls, regions: str) -> str:
        if regions not in (BEST_REGIONS, *REGION_SCHEMES):
            raise ValueError(f"it is one of {', '.join((BEST_REGIONS, *REGION_SCHEMES))}")
        return regions

    @field_validator("folder_roots")
    @classmethod
    def _are_absolute(cls, roots: str) -> str:
        if any(part.strip() and not Path(part.strip()).is_absolute() for part in roots.split(",")):
            raise ValueError("folders are given from the top: /mnt/photos, not photos")
        return roots

    @field_validator("openid_issuer")
    @classmethod
    def _is_issuer(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
        if issuer and not (is_safe and parts.hostname and not parts.query and not parts.fragment):
            raise ValueError("an issuer is an https address without ? and # (http only on this machine)")
        return issuer

    @field_validator("openid_client_id")
    @classmethod
    def _names_client(cls, client_id: str, info: ValidationInfo) -> str:
        if bool(client_id) != bool(info.data.get("openid_issuer")):
            raise ValueError(f"set it together with {ENV_PREFIX}OPENID_ISSUER")
        return client_id

    @field_validator("openid_scopes")
    @classmethod
    def _asks_for_openid(cls, scopes: str) -> str:
        if "openid" not in scopes.split():
            raise ValueError("`openid` is missing among the scopes, which stand apart by spaces")
        return scopes

    @computed_field(description="The catalog that is really used.")  # type: ignore[prop-decorator]
    @property
    def catalog_url(self) -> str:
        """SQLAlchemy URL of the catalog."""
        return self.database_url or f"sqlite:///{self.data_dir / 'catalog.sqlite3'}"

    @property
    def results_url(self) -> str:
        """Celery result backend that belongs to the broker; `memory://` is `mindreader_workers.memory_results`."""
        return self.result_backend or self.broker_url

    @property
    def embedded_workers(self) -> bool:
        """Whether the workers run as threads of the server process."""
        return self.broker_url.startswith("memory://")

    @property
    def allowed_folders(self) -> tuple[Path, ...]:
        """The folders of `folder_roots`."""
        return tuple(Path(part.strip()) for part in self.folder_roots.split(",") if part.strip())

    @property
    def blobs_root(self) -> str:
        """Root of the blob store as an fsspec URL or a plain path."""
        return self.blobs_url or str(self.data_dir / "blobs")

    @property
    def compiled_models_dir(self) -> Path:
        """Folder of networks as OpenVINO runs them; it may be deleted at any time."""
        return self.compiled_models or self.data_dir / "cache" / "compiled"

    @property
    def index_dir(self) -> Path:
        """Folder of the embedded photo indexes, one sub-folder per embedding space."""
        return self.data_dir / "index"

    @property
    def address_file(self) -> Path:
        """File in which a running server says where it is reached."""
        return self.data_dir / "server.json"

    @property
    def secrets_dir(self) -> Path:
        """Folder only the owner may read: session key and the local administrator's token."""
        return self.data_dir / "secrets"


def keep_private(settings: Settings) -> None:
    """Let nobody else on this machine read what is written from now on, nor look into the data folder.

    For the start of every program: photos, the catalog with its password hashes and the secrets belong to its owner.
    """
    os.umask(0o077)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):  # another owner's, who set it as they like
        settings.data_dir.chmod(0o700)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Raises:
        ConfigurationError: a ``MINDREADER_`` variable is unknown, a value is impossible, or a file cannot be read.
    """
    names = _with_files(os.environ if environ is None else environ)
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(n for n in names if n.startswith(ENV_PREFIX) and n not in known | COMPANION_VARIABLES)
    if unknown:
        raise ConfigurationError(
            f"Unknown setting {', '.join(unknown)}. `mindreader settings` lists every setting there is."
        )
    values = {n.removeprefix(ENV_PREFIX).lower(): v for n, v in names.items() if n in known}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(f"{ENV_PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"{wrong}. `mindreader settings` shows what each setting takes.") from None


def _with_files(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, with ``MINDREADER_X_FILE`` replaced by ``MINDREADER_X`` and what is in the file."""
    names = dict(environ)
    for field in Settings.model_fields:
        name = ENV_PREFIX + field.upper()
        path = names.pop(name + _FILE, None)
        if path is None:
            continue
        if name in names:
            raise ConfigurationError(f"Both {name} and {name}{_FILE} are set. Take one of them.")
        try:
            names[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{name}{_FILE} names {path}, which cannot be read: {error}.") from None
    return names
