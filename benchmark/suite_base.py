"""What every part of a suite is built from: names, plugins by name, strict models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""Names become file names, so they keep to letters, digits, dot, dash and underscore."""


class Spec(BaseModel):
    """Base: immutable, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Use(Spec):
    """A plugin by name, with its parameters: `rouge`, or `{use: rouge, tokenizer: unicode}`."""

    use: str
    parameters: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"use": value}
        # A plugin may have a parameter called `parameters`; alone, it is what `Use` itself wrote.
        if isinstance(value, dict) and not {*value} <= {"use", "parameters"}:
            rest = {str(name): item for name, item in value.items() if name != "use"}
            return {**({"use": value["use"]} if "use" in value else {}), "parameters": rest}
        return value
