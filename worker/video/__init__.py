"""Containers and decoding: what a submitted file holds, and its frames with their exact presentation times.

The only package of the product that imports the decoder (PyAV, FFmpeg).

    probe       a file's facts, or the named reason why it is no video
    VideoReader frames in presentation order, from any instant on
    to_rgb      a decoded frame as an upright picture

A frame's `pts` counts ticks of the stream's time base from the origin, which `worker.video.timeline` explains.
"""

from worker.video.picture import to_rgb
from worker.video.probing import probe
from worker.video.reader import FAR, DecodedFrame, VideoReader
from worker.video.timeline import LONGEST

__all__ = ["FAR", "LONGEST", "DecodedFrame", "VideoReader", "probe", "to_rgb"]
