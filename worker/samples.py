"""A sample: what the decoding side hands to the looking side."""

from dataclasses import dataclass, field

from models.faces import RgbImage


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One planned sample and the frame that it got.

    `pts`: presentation time of the frame, ticks from the video's origin; None if undecodable. `image`: None if
    undecodable or held. `held`: the frame is that of the sample before. `key`: the frame is a key frame, decoded alone.
    """

    number: int
    pts: int | None
    image: RgbImage | None = field(repr=False)
    held: bool
    key: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The frame of a sample that is to be analysed; see `Sample`."""

    number: int
    pts: int
    image: RgbImage = field(repr=False)
