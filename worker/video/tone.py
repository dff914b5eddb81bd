"""Pictures of high dynamic range, shown as ordinary ones.

Their code values mean light of up to 1,000 cd/m² and more, in wide primaries. Taken for an ordinary picture they are
dull and grey. Here each of red, green and blue becomes light, is bent into the range of an ordinary screen, and is
coded as sRGB, as the photographs are with which faces will be compared:

1. light from code: SMPTE ST 2084 (PQ), or ARIB STD-B67 (HLG) with its OOTF for a screen of 1,000 cd/m² (ITU-R BT.2100,
   tables 4 and 5);
2. the EETF of ITU-R BT.2390 (section 5.4) from 1,000 to 203 cd/m², the white of graphics and paper (ITU-R BT.2408), on
   each of the three: what is darker than 91 cd/m² (skin, most of any scene) keeps its light, what is brighter is
   compressed;
3. BT.2020 primaries to those of BT.709 (ITU-R BT.2407, section 2), what lies outside being clipped;
4. sRGB's curve (IEC 61966-2-1).

All curves are tables of 65,536 entries, made on first use.
"""

from functools import cache
from typing import Final

import cv2
import numpy as np
from av.video.reformatter import ColorTrc
from numpy.typing import NDArray

from models.faces import RgbImage

HIGH_RANGE: Final = frozenset({ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67})
"""Transfer characteristics of high dynamic range."""

_MOST: Final = 65535
_PEAK: Final = 1000.0  # cd/m²: what most is mastered for; HLG's nominal peak
_WHITE: Final = 203.0  # cd/m²
_HLG_GAMMA: Final = 1.2
_LUMINANCE: Final = np.array([[0.2627, 0.6780, 0.0593]], np.float32)  # of BT.2020
_TO_BT709: Final = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_BAND: Final = 64  # lines at a time: they stay in the processor's cache, and no second picture of 16 bits is held


def to_ordinary(pixels: NDArray[np.uint16], transfer: int, *, wide: bool) -> RgbImage:
    """An ordinary picture, (height, width, 3), sRGB.

    Args:
        pixels: red, green and blue as coded, (height, width, 3), 0 to 65,535.
        transfer: one of `HIGH_RANGE`.
        wide: whether the primaries are those of BT.2020.
    """
    code = _code()
    image = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), _BAND):
        band = pixels[top : top + _BAND]
        light = _hlg_light(band) if transfer == ColorTrc.ARIB_STD_B67 else cv2.LUT(band, _bent_pq())
        if wide:
            light = cv2.transform(light, _TO_BT709)
        image[top : top + _BAND] = cv2.LUT(light, code)
    return image


def _hlg_light(code: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Bent light as a fraction of white, 0 to 65,535, of HLG codes, (height, width, 3)."""
    scene = cv2.LUT(code, _hlg_scene())
    gain = cv2.LUT(cv2.transform(scene, _LUMINANCE), _hlg_gain())
    screen = cv2.multiply(scene, cv2.merge([gain, gain, gain]), scale=1 / _MOST)
    return np.asarray(cv2.LUT(screen, _bent_light()), np.uint16)


@cache
def _bent_pq() -> NDArray[np.uint16]:
    """Bent light as a fraction of white of each PQ code."""
    return _table(_bent(_pq_light(_steps())) / _WHITE)


@cache
def _bent_light() -> NDArray[np.uint16]:
    """Bent light as a fraction of white of each fraction of `_PEAK`."""
    return _table(_bent(_steps() * _PEAK) / _WHITE)


@cache
def _hlg_scene() -> NDArray[np.uint16]:
    """The scene's light of each HLG code: the inverse OETF."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    code = _steps()
    return _table(np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12))


@cache
def _hlg_gain() -> NDArray[np.uint16]:
    """What a screen makes of each luminance of the scene: the OOTF."""
    return _table(_steps() ** (_HLG_GAMMA - 1))


@cache
def _code() -> NDArray[np.uint8]:
    """The level of sRGB of each light, as a fraction of white."""
    light = _steps()
    level = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * level), np.uint8)


def _steps() -> NDArray[np.float64]:
    return np.linspace(0, 1, _MOST + 1)


def _table(fractions: NDArray[np.float64]) -> NDArray[np.uint16]:
    return np.asarray(np.round(fractions * _MOST), np.uint16)


def _bent(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The EETF of BT.2390 from `_PEAK` to `_WHITE`, black staying black."""
    peak = float(_pq_code(np.array(_PEAK)))
    most = float(_pq_code(np.array(_WHITE))) / peak
    knee = 1.5 * most - 0.5
    level = np.minimum(_pq_code(nits) / peak, 1)
    t = np.maximum(level - knee, 0) / (1 - knee)
    shoulder = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return _pq_light(np.where(level < knee, level, shoulder) * peak)


_M1, _M2 = 2610 / 16384, 2523 / 32
_C1, _C2, _C3 = 3424 / 4096, 2413 / 128, 2392 / 128


def _pq_light(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light in cd/m² of a PQ code, 0 to 1."""
    root = code ** (1 / _M2)
    return np.asarray(10000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def _pq_code(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The PQ code, 0 to 1, of light in cd/m²."""
    root = (nits / 10000) ** _M1
    return np.asarray(((_C1 + _C2 * root) / (1 + _C3 * root)) ** _M2)
