"""What every group of settings is made of."""

from pydantic import BaseModel, ConfigDict, JsonValue


def unit(name: str) -> dict[str, JsonValue]:
    """The unit of a setting, kept beside its range for the documentation."""
    return {"unit": name}


class Group(BaseModel):
    """Settings that belong together; immutable, and nothing unknown among them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
