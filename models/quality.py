"""How much a face can be trusted to name somebody: its focus, its pixels, its pose."""

import cv2
import numpy as np

from models.faces import CHIP_EDGE, Box, Landmarks, Quality, RgbImage


def assess(image: RgbImage, box: Box, landmarks: Landmarks, chip: RgbImage) -> Quality:  # noqa: ARG001
    """Quality of one face."""
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY).astype(np.float32)
    ratio = cv2.Laplacian(grey, cv2.CV_32F).var() / max(grey.var(), 1.0)
    edge = min(box.width, box.height)
    return Quality(sharpness=float(min(1.0, ratio / 0.05)), size=min(1.0, edge / CHIP_EDGE), pose=1.0)
