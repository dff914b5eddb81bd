"""The declaration of an embedder that comes as an ONNX file: all that its embedding space follows from."""

from typing import Literal, Self

from pydantic import Field, model_validator

from config.setting_groups import Group, unit

AlignmentName = Literal["dlib", "arcface"]
ChannelOrder = Literal["rgb", "bgr"]

_NEEDED = ("path", "name", "sha256", "length")


class EmbedderFile(Group):
    """An embedder in an ONNX file; empty where none is declared. docs/embedders.md tells how to declare one."""

    path: str = Field(
        default="",
        pattern="^(/.*)?$",
        description="The ONNX file, on every machine; empty: none.",
        json_schema_extra=unit("absolute path"),
    )
    name: str = Field(
        default="",
        pattern="^([a-z0-9][a-z0-9._-]{0,39})?$",
        description="What the network is called in the name of its embedding space.",
        json_schema_extra=unit("name"),
    )
    sha256: str = Field(
        default="",
        pattern="^([0-9a-f]{64})?$",
        description="SHA-256 of the file: another file is refused.",
        json_schema_extra=unit("hexadecimal digits"),
    )
    length: int = Field(
        default=0,
        ge=0,
        le=4096,
        description="Numbers of one embedding; the file is held to it.",
        json_schema_extra=unit("numbers"),
    )
    edge: int = Field(
        default=112,
        ge=16,
        le=1024,
        description="Edge of the square picture that the network takes.",
        json_schema_extra=unit("pixels"),
    )
    alignment: AlignmentName = Field(
        default="arcface",
        description="Where the face lies in that picture. arcface: eyes as in the frame of 112 pixels that most "
        "networks since ArcFace are trained on, scaled to `edge`; dlib: dlib's mean face with `padding` around it.",
        json_schema_extra=unit("name"),
    )
    padding: float = Field(
        default=0.25,
        ge=0,
        le=2,
        description="With alignment dlib: what is left at each side of the face.",
        json_schema_extra=unit("edges of the face"),
    )
    channels: ChannelOrder = Field(
        default="rgb", description="Order of the colours that the network takes.", json_schema_extra=unit("name")
    )
    mean: float = Field(
        default=127.5,
        ge=0,
        le=255,
        description="Taken off each level before it is divided by `deviation`; 0 and 1 leave levels as they are.",
        json_schema_extra=unit("grey levels (0–255)"),
    )
    deviation: float = Field(
        default=127.5,
        ge=0.001,
        le=255,
        description="See `mean`.",
        json_schema_extra=unit("grey levels (0–255)"),
    )
    unit_length: bool = Field(
        default=True,
        description="Scale the network's output to length 1, as networks need that are trained by angles.",
        json_schema_extra=unit("yes or no"),
    )
    mirror: bool = Field(
        default=True,
        description="Average each embedding with that of the mirrored face.",
        json_schema_extra=unit("yes or no"),
    )
    stretch: float = Field(
        default=1.0,
        ge=0.01,
        le=100,
        description="Factor of all embeddings, so that limits of distance mean what they mean in dlib's space; "
        "`rollcall shadow` proposes one.",
        json_schema_extra=unit("factor"),
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        missing = [name for name in _NEEDED if not getattr(self, name)]
        if self.path and missing:
            raise ValueError(f"a file is declared without {', '.join(missing)}")
        return self

    @property
    def declared(self) -> bool:
        """Whether there is one."""
        return bool(self.path)

    @property
    def space_name(self) -> str:
        """Name of the embedding space: all that its vectors depend on, but for where the file lies.

        E.g. `file/sface-48f14099abda/arcface112/rgb-127.5-127.5/unit/mirror/x0.6`.
        """
        padding = f"-{self.padding:g}" if self.alignment == "dlib" else ""
        parts = [
            f"file/{self.name}-{self.sha256[:12]}",
            f"{self.alignment}{self.edge}{padding}",
            f"{self.channels}-{self.mean:g}-{self.deviation:g}",
            "unit" if self.unit_length else "raw",
        ]
        parts += ["mirror"] if self.mirror else []
        parts += [f"x{self.stretch:g}"] if self.stretch != 1 else []
        return "/".join(parts)
