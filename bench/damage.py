"""Ways in which photographs of faces are spoiled, drawn with a seed: strengths from hardly visible to beyond use.

Lengths are shares of the face's edge, so that one kind does the same to pictures of every size.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faces import Box, RgbImage

Damage = Callable[[RgbImage, Box, np.random.Generator], RgbImage]
"""(height, width, 3) picture, where its face is, and what strengths are drawn from."""

_GAMMA = 2.2


def blurred(image: RgbImage, face: Box, generator: np.random.Generator) -> RgbImage:
    """Out of focus: a Gaussian of up to 5 % of the face's edge."""
    return _pixels(cv2.GaussianBlur(image, (0, 0), max(0.3, face.width * generator.uniform(0.005, 0.05))))


def moved(image: RgbImage, face: Box, generator: np.random.Generator) -> RgbImage:
    """Blurred by motion in any direction, over up to 18 % of the face's edge."""
    length = face.width * generator.uniform(0.03, 0.18)
    edge = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((edge, edge), np.float32)
    angle = generator.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = [tuple(np.round(edge // 2 + sign * reach).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return _pixels(cv2.filter2D(image, -1, kernel / kernel.sum()))


def enlarged(image: RgbImage, face: Box, generator: np.random.Generator) -> RgbImage:
    """A face of 10 to 60 pixels, enlarged again, as an upscaled recording has it."""
    height, width = image.shape[:2]
    return _resized(small(image, face, generator, least=10, most=60), height, width)


def small(
    image: RgbImage, face: Box, generator: np.random.Generator, *, least: float = 40, most: float = 90
) -> RgbImage:
    """Far away: the face has an edge of 40 to 90 pixels, or what it had."""
    scale = min(1.0, np.exp(generator.uniform(np.log(least), np.log(most))) / face.width)
    return _resized(image, max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale)))


def dark(image: RgbImage, _face: Box, generator: np.random.Generator) -> RgbImage:
    """Underexposed by 1 to 8 stops, with the noise of a sensor."""
    light = _light(image) * 2.0 ** -generator.uniform(1, 8)
    return _picture(light + generator.normal(0, 0.0005, light.shape))


def bright(image: RgbImage, _face: Box, generator: np.random.Generator) -> RgbImage:
    """Overexposed by half a stop to 5 stops."""
    return _picture(_light(image) * 2.0 ** generator.uniform(0.5, 5))


def pale(image: RgbImage, _face: Box, generator: np.random.Generator) -> RgbImage:
    """In fog: 2 to 40 % of the contrast left, around a grey level of any height, rounded to whole levels."""
    left, level = generator.uniform(0.02, 0.4), generator.uniform(30, 225)
    return _pixels((image.astype(np.float64) - image.mean()) * left + level)


def blocky(image: RgbImage, _face: Box, generator: np.random.Generator) -> RgbImage:
    """JPEG of a quality of 2 to 25."""
    return _jpeg(image, int(generator.integers(2, 26)))


def noisy(image: RgbImage, _face: Box, generator: np.random.Generator) -> RgbImage:
    """Grainy: noise of a standard deviation of 8 to 70 grey levels."""
    return _pixels(image + generator.normal(0, generator.uniform(8, 70), image.shape))


def covered(image: RgbImage, face: Box, generator: np.random.Generator) -> RgbImage:
    """Something of one colour before a quarter to three quarters of the face, from one of its sides."""
    hidden = image.copy()
    share, side = generator.uniform(0.25, 0.75), int(generator.integers(4))
    across, down = round(face.width * share), round(face.height * share)
    left = face.right - across if side == 1 else face.left
    right = face.left + across if side == 0 else face.right
    top = face.bottom - down if side == 3 else face.top
    bottom = face.top + down if side == 2 else face.bottom
    hidden[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = generator.integers(0, 256, 3)
    return hidden


def night(image: RgbImage, _face: Box, generator: np.random.Generator) -> RgbImage:
    """Underexposed by 3 to 8 stops with a sensor's noise, then made bright again."""
    stops = generator.uniform(3, 8)
    light = _light(image) * 2.0**-stops
    seen = _light(_picture(light + generator.normal(0, 0.001, light.shape)))
    return _picture(seen * 2.0 ** (stops - 1))


def streamed(image: RgbImage, face: Box, generator: np.random.Generator) -> RgbImage:
    """A face of 20 to 60 pixels, compressed at a quality of 8 to 40, enlarged again."""
    height, width = image.shape[:2]
    reduced = small(image, face, generator, least=20, most=60)
    return _resized(_jpeg(reduced, int(generator.integers(8, 41))), height, width)


FITTED: Mapping[str, Damage] = {
    "blurred": blurred, "enlarged": enlarged, "small": small, "dark": dark, "bright": bright, "blocky": blocky,
}  # fmt: skip
"""Kinds that weights are fitted to."""

UNSEEN: Mapping[str, Damage] = {
    "moved": moved, "pale": pale, "noisy": noisy, "covered": covered, "night": night, "streamed": streamed,
}  # fmt: skip
"""Kinds that weights are judged by."""


def _light(image: RgbImage) -> NDArray[np.float64]:
    """Linear light, 0 to 1."""
    return (image / 255.0) ** _GAMMA


def _picture(light: NDArray[np.float64]) -> RgbImage:
    return _pixels(np.clip(light, 0, 1) ** (1 / _GAMMA) * 255)


def _pixels(values: NDArray[np.generic]) -> RgbImage:
    return np.clip(np.round(values.astype(np.float64)), 0, 255).astype(np.uint8)


def _resized(image: RgbImage, height: int, width: int) -> RgbImage:
    shrinks = height < image.shape[0]
    return _pixels(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))


def _jpeg(image: RgbImage, quality: int) -> RgbImage:
    _, written = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), np.uint8)
