"""Settings of faces: how they are found and embedded, who is enrolled by them, and when they get a name."""

from typing import Literal, Self

from pydantic import Field, model_validator

from config.embedder_file import EmbedderFile
from config.setting_groups import Group, unit

DetectorName = Literal["mmod", "hog", "dlib-cnn"]
EmbedderName = Literal["onnx", "dlib", "file"]
ProviderName = Literal["cpu", "cuda", "tensorrt", "openvino"]
Whose = Literal["everybody", "named"]


class FaceSettings(Group):
    """Detection, alignment and embedding."""

    detector: DetectorName = Field(
        default="mmod",
        description="mmod: dlib's network run by ONNX Runtime, also turned and partly covered faces; hog: dlib's "
        "histogram detector, upright frontal faces; dlib-cnn: the network run by dlib itself, slow.",
        json_schema_extra=unit("name"),
    )
    embedder: EmbedderName = Field(
        default="onnx",
        description="onnx: dlib's embedding network run by ONNX Runtime; dlib: the same run by dlib itself, slow, with "
        "the same results; file: the network that `faces.file` declares.",
        json_schema_extra=unit("name"),
    )
    provider: ProviderName = Field(
        default="cpu",
        description="ONNX Runtime's execution provider; all but cpu need another package of it.",
        json_schema_extra=unit("name"),
    )
    first_look: bool = Field(
        default=True,
        description="Let mmod's network look first in 8-bit integers and then itself where something was seen: the "
        "same faces in half the time. Only with provider cpu; pays on processors with 8-bit dot products.",
        json_schema_extra=unit("yes or no"),
    )
    smallest: int = Field(
        default=60,
        ge=20,
        le=1000,
        description="Smallest face to find, edge of its box in the upright frame; smaller costs more.",
        json_schema_extra=unit("pixels"),
    )
    most_pixels: int = Field(
        default=1920 * 1080,
        ge=100_000,
        le=16_000_000,
        description="Frames are not looked at larger than this; where `smallest` asks for more, the smallest face that "
        "is found grows: in a frame of 3840 x 2160 to twice the edge that it has in one of 1920 x 1080.",
        json_schema_extra=unit("pixels"),
    )
    mirror: bool = Field(
        default=True,
        description="Average each embedding with that of the mirrored face; part of the embedding space's name. With "
        "embedder file, `faces.file.mirror` says so instead.",
        json_schema_extra=unit("yes or no"),
    )
    least_quality: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="A face of lower quality is seen, but not recognisable: it gets no name, enrols nobody and does "
        "not count in anybody's template.",
        json_schema_extra=unit("share"),
    )
    file: EmbedderFile = EmbedderFile()

    @model_validator(mode="after")
    def _file_is_declared(self) -> Self:
        if self.embedder == "file" and not self.file.declared:
            raise ValueError("the embedder is a file, and faces.file.path names none")
        return self


class EnrolSettings(Group):
    """Which photographs may enrol."""

    smallest_face: int = Field(
        default=60,
        ge=20,
        le=1000,
        description="A photograph whose face has a shorter box edge is refused as too small.",
        json_schema_extra=unit("pixels"),
    )
    least_sharpness: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="A photograph whose face is less sharp is refused as too blurred.",
        json_schema_extra=unit("share"),
    )


class MatchSettings(Group):
    """When a group of faces gets a name."""

    fpir: float = Field(
        default=0.01,
        ge=0.0001,
        le=0.5,
        description="Share of strangers that may get a name; a calibration finds the limit for it.",
        json_schema_extra=unit("share"),
    )
    review_fpir: float = Field(
        default=0.05,
        ge=0.0001,
        le=0.9,
        description="Share of strangers that may be put before a reviewer or named; not smaller than `match.fpir`.",
        json_schema_extra=unit("share"),
    )
    calibrate: Literal["nightly", "never"] = Field(
        default="nightly",
        description="nightly: a gallery is calibrated, and calibrated again when it has changed by a tenth, before "
        "past videos are matched; never: only by `rollcall calibrate`.",
        json_schema_extra=unit("name"),
    )
    largest_distance: float = Field(
        default=0.5,
        ge=0,
        le=2,
        description="Without a calibration, a group farther than this from its nearest identity is unknown.",
        json_schema_extra=unit("Euclidean distance"),
    )
    least_margin: float = Field(
        default=0.05,
        ge=0,
        le=2,
        description="Without a calibration, a group whose second identity is nearer than this behind the first is "
        "put before a reviewer.",
        json_schema_extra=unit("Euclidean distance"),
    )
    neighbours: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="How many nearest identities `rollcall identify` lists.",
        json_schema_extra=unit("identities"),
    )


class GroupingSettings(Group):
    """How faces of one video become one person, and one person's faces become appearances."""

    largest_distance: float = Field(
        default=0.48,
        ge=0,
        le=2,
        description="Two groups of faces join when the root mean square distance between their faces is at most this.",
        json_schema_extra=unit("Euclidean distance"),
    )
    largest_gap: float = Field(
        default=2.2,
        ge=1.2,
        le=1000,
        description="Sightings of one person join into one appearance when they lie no farther apart than this; "
        "2.2 bridges one sample in which the face was missed.",
        json_schema_extra=unit("samples"),
    )


class BorderSettings(Group):
    """How exactly it is found out when people come and leave."""

    tolerance: float = Field(
        default=0.5,
        ge=0,
        le=3600,
        description="Where somebody comes or leaves between two samples, frames in between are looked at until the "
        "border is known to this; 0 leaves borders as samples tell them.",
        json_schema_extra=unit("seconds"),
    )
    of: Whose = Field(
        default="everybody",
        description="Whose borders are looked at: everybody whom a report shows, or only people who are named or to be "
        "reviewed.",
        json_schema_extra=unit("name"),
    )
