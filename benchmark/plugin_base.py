"""What every plugin is: parameters that cannot change, a signature, and a content key."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from benchmark.keys import code_version, key
from benchmark.progress import Progress


class Plugin(BaseModel):
    """Base of all plugins: immutable parameters, a signature and a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def prepare(self, progress: Progress) -> None:
        """Fetch what is needed later, so that a missing network shows before the long work."""

    def weights(self) -> str:
        """Return a hash of what `prepare` fetched, where the parameters do not pin it."""
        return ""

    @property
    def signature(self) -> str:
        """Return name, parameters that differ from their defaults, and code version."""
        changed = self.model_dump(mode="json", exclude_defaults=True)
        parts = [
            type(self).__name__.lower(),
            *(f"{name}:{value}" for name, value in changed.items()),
        ]
        return "|".join([*parts, f"code:{code_version(type(self).__module__)}"])

    @property
    def key(self) -> str:
        """Return the content key of this plugin: class, every parameter, and its code."""
        cls = type(self)
        return key(
            plugin=f"{cls.__module__}:{cls.__qualname__}",
            parameters=self.model_dump(mode="json"),
            code=code_version(cls.__module__),
        )
