"""Which values of its parts a hash may have when it is near another one: multi-index hashing.

64 bits are cut into 4 parts of 16, each looked up in an index of its own. Of two hashes that differ in at most
r = 4a + b bits, with b < 4, one of the first b + 1 parts differs in at most a bits, or one of the others in at most
a - 1: otherwise they would differ in (b + 1)(a + 1) + (3 - b)a = r + 1. What the indexes give is a superset, to be
measured (Norouzi, Punjani, Fleet, "Fast Exact Search in Hamming Space with Multi-Index Hashing", IEEE TPAMI 36 (2014),
section 3 and proposition 2).
"""

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
"""(n,) hashes of frames; see `models.frame_hash`."""

PARTS = 4
PART_BITS = 16

Parts = NDArray[np.int16]
"""Values of one part, or of several; signed, as databases keep 16 bits."""


def parts(hashes: Hashes) -> Parts:
    """(n, 4): the parts of n hashes, the one of the lowest bits first."""
    return np.ascontiguousarray(hashes, "<u8").view("<i2").reshape(-1, PARTS)


def radii(radius: int) -> list[int]:
    """In how many bits each part is searched for neighbours within `radius` bits; -1 where it need not be."""
    shared, left = divmod(radius, PARTS)
    return [shared if part <= left else shared - 1 for part in range(PARTS)]


def look_ups(radius: int) -> int:
    """How many values of parts are looked up for one hash: a sum of binomials for each part."""
    return sum(comb(PART_BITS, flipped) for reach in radii(radius) for flipped in range(reach + 1))


def probes(hashes: Hashes, radius: int) -> list[Parts]:
    """For each part the values to look up, each once, so that every hash within `radius` bits of one of n is found."""
    return [
        np.unique(column[:, np.newaxis] ^ _flips(reach))
        for column, reach in zip(parts(hashes).T, radii(radius), strict=True)
    ]


def distances(some: Hashes, others: Hashes) -> NDArray[np.uint8]:
    """(n, m) numbers of bits in which two hashes differ, of n hashes and m others."""
    return np.asarray(np.bitwise_count(some[:, np.newaxis] ^ others[np.newaxis, :]), np.uint8)


def _flips(reach: int) -> Parts:
    """Every part in which at most `reach` bits are set."""
    masks = [
        sum(1 << bit for bit in bits)
        for flipped in range(reach + 1)
        for bits in combinations(range(PART_BITS), flipped)
    ]
    return np.array(masks, np.uint16).view(np.int16)
