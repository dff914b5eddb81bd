"""Settings of sampling: which frames are looked at, which carry nothing, what a file may do to its decoder."""

from pydantic import Field

from config.setting_groups import Group, unit


class SamplingSettings(Group):
    """Which frames are looked at."""

    interval: float = Field(
        default=3.0,
        ge=0.04,
        le=3600,
        description="Time between two sampling instants; kept to the millisecond.",
        json_schema_extra=unit("seconds"),
    )
    tolerance: float = Field(
        default=0.5,
        ge=0,
        le=0.5,
        description="How far from its instant a sample's frame may lie if it costs less, as key frames do; 0 takes the "
        "first frame at or after each instant.",
        json_schema_extra=unit("sampling intervals"),
    )
    segment: float = Field(
        default=1800.0,
        ge=1,
        le=86400,
        description="Longest segment into which a video is cut so that workers share it; mostly `work.segment` cuts it "
        "shorter.",
        json_schema_extra=unit("seconds"),
    )


class DecodeSettings(Group):
    """Limits of the process that decodes: whatever a file does to the decoder, the worker goes on."""

    memory: int = Field(
        default=1024,
        ge=64,
        le=65536,
        description="What the decoder may take beyond its start; a picture of 8K in 10 bits takes about 110.",
        json_schema_extra=unit("MiB"),
    )
    silence: float = Field(
        default=30.0,
        ge=0.5,
        le=3600,
        description="A decoder that has not got on for this long hangs, and is killed.",
        json_schema_extra=unit("seconds"),
    )
    longest: float = Field(
        default=600.0,
        ge=1,
        le=86400,
        description="A decoder that has worked on one sample for this long is killed, however busy it is.",
        json_schema_extra=unit("seconds"),
    )


class GateSettings(Group):
    """Which sampled frames carry nothing."""

    flat_deviation: float = Field(
        default=3.0,
        ge=0,
        le=128,
        description="A frame in no part of which grey levels deviate this much (standard deviation) is flat (black, "
        "slate) and is not analysed.",
        json_schema_extra=unit("grey levels (0–255)"),
    )
    unchanged_difference: float = Field(
        default=3.0,
        ge=0,
        le=128,
        description="A frame none of whose parts differs more than this (root mean square) from the last analysed "
        "one is unchanged: its faces are carried forward.",
        json_schema_extra=unit("grey levels (0–255)"),
    )


class RepeatSettings(Group):
    """When the faces of a frame that an earlier video showed are reused."""

    enabled: bool = Field(
        default=True,
        description="Keep a hash and a small picture of each analysed frame, and reuse the faces of frames that videos "
        "finished earlier showed; without, `rollcall duplicates` knows nothing of a video either.",
        json_schema_extra=unit("yes or no"),
    )
    radius: int = Field(
        default=4,
        ge=0,
        le=8,
        description="Bits of 64 in which the hashes of two frames may differ that are then compared; even, as they "
        "differ in an even number. 6 finds more of the frames with a logo and costs twice as much.",
        json_schema_extra=unit("bits"),
    )
    frame_difference: float = Field(
        default=4.5,
        ge=0,
        le=128,
        description="A part of a frame that differs by more (root mean square) from the known frame has changed, and "
        "is looked at.",
        json_schema_extra=unit("grey levels (0–255)"),
    )
    face_difference: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="A known face whose pixels differ by more (root mean square) is looked for anew.",
        json_schema_extra=unit("share of its contrast"),
    )
