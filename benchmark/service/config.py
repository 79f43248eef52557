"""What the server allows: one YAML file, all of it optional."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.errors import ConfigError, Problem


class ServerConfig(BaseModel):
    """Allow-lists and bounds. What the allowed suites themselves use is always allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[str, ...] = ()
    """Package references that a suite may name as a model, beside those of the allowed suites."""
    data: tuple[str, ...] = ()
    """Package references that a suite may name as data."""
    plugins: tuple[str, ...] = ()
    """`kind/name` of plugins of other packages, with any parameters: `metrics/my-metric`."""
    environment: tuple[str, ...] = ()
    """Variables that jobs see beside the harmless ones: keys of providers, `HF_TOKEN`, ..."""
    max_body: int = Field(default=1_000_000, ge=1000)
    """Bytes of a request."""
    max_upload: int = Field(default=50_000_000, ge=1000)
    """Bytes of one uploaded file of rows."""
    max_stored: int = Field(default=5_000_000_000, ge=1000)
    """Bytes of all uploaded files."""
    max_waiting: int = Field(default=10_000, ge=1)
    """Jobs that may wait at once."""
    rate: float = Field(default=100.0, gt=0)
    """Requests a second of one token, or of one address."""
    burst: int = Field(default=300, ge=1)
    """Requests at once that the rate is not held against."""
    streams: int = Field(default=64, ge=1)
    """Event streams that one token, or one address, may have open."""
    max_attempts: int = Field(default=3, ge=1)
    """How often a job is started whose process dies without a word."""
    max_seconds: float = Field(default=86_400.0, gt=0)
    """How long one attempt may take; then it is stopped, and can be resumed."""
    lease: float = Field(default=20.0, ge=1)
    """Seconds after which another server takes over the jobs of one that fell silent."""
    grace: float = Field(default=5.0, ge=0)
    """Seconds between asking a job to stop and killing it."""


def load_config(path: Path | None) -> ServerConfig:
    """Read the server's configuration; None: the defaults.

    Raises:
        ConfigError: It cannot be read, or a key of it is wrong.
    """
    from benchmark.yaml_lines import parse

    if path is None:
        return ServerConfig()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read ({error})", where=str(path)) from None
    layer = parse(text, str(path))
    if layer.problems:
        raise ConfigError(layer.problems)
    data: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in layer.data.items()
    }
    try:
        return ServerConfig.model_validate(data)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"])
            file, line = layer.lines.get(tuple(str(p) for p in item["loc"][:1]), (str(path), 0))
            problems.append(Problem(f"{file}:{line}: {key}", item["msg"].lower()))
        raise ConfigError(problems) from None
