"""dlib's network detector and embedder behind the protocols of `models.faces`, run by ONNX Runtime.

The same results as dlib's own, at a fraction of the time. Building an engine reads nothing; networks load on first use,
once per process.
"""

import numpy as np

from models import first_look, mmod
from models.dlib_engines import CNN_LEAST_EDGE, MMOD_PLAIN_SCORE, space_of
from models.faces import EMBEDDING_LENGTH, Chips, Detection, Embeddings, EmbeddingSpace, RgbImage
from models.networks import session
from models.pyramid import Canvas, Layout, Pixels, layout
from models.scaling import MOST_PIXELS, Scaling, in_pixels_of, padded

# Activations of one chip take some 5 MB.
_CHIPS_AT_ONCE = 16


class MmodDetector:
    """dlib's convolutional detector: also turned and partly covered faces. Not for several threads at once.

    Source: King, "Max-margin object detection" (2015), arXiv:1502.00046.

    Args:
        smallest: edge in pixels of the smallest face to find, see `Scaling`. Cost goes with its inverse square.
        provider: which of ONNX Runtime's execution providers runs it, see `session.PROVIDERS`.
        first_look: let the network in integers say where to look. Only on the processor: elsewhere it saves nothing.
        most_pixels: see `Scaling`.
    """

    def __init__(
        self, smallest: int, provider: str = "cpu", *, first_look: bool = True, most_pixels: int = MOST_PIXELS
    ) -> None:
        self._scaling = Scaling(smallest, most_pixels)
        self._provider = provider
        self._first_look = first_look and provider == "cpu"
        self._canvas: Canvas | None = None

    @property
    def name(self) -> str:
        """Engine and options."""
        return f"mmod/{self._scaling}"

    @property
    def plain_score(self) -> float:
        """See `FaceDetector`."""
        return MMOD_PLAIN_SCORE

    def detect(self, image: RgbImage) -> list[Detection]:
        """Faces of an image in order of descending score, then of box; scores are the network's, mostly 0 to 1.2."""
        resized = self._scaling.of(image, CNN_LEAST_EDGE)
        looked_at = padded(resized, CNN_LEAST_EDGE)
        canvas = self._canvas_of(layout(*looked_at.shape[:2]))
        scores = self._scores(canvas.draw(looked_at), canvas.plan)
        network = session.detection_network()
        return in_pixels_of(image, resized, mmod.detections(scores, canvas.plan, network.window, network.suppression))

    def _canvas_of(self, plan: Layout) -> Canvas:
        # The frames of a video are all of one shape.
        if self._canvas is None or self._canvas.plan != plan:
            self._canvas = Canvas(plan, session.detection_network().normalisation)
        return self._canvas

    def _scores(self, canvas: Pixels, plan: Layout) -> first_look.Scores:
        network = session.detection_session(self._provider).run
        if not self._first_look:
            return first_look.everywhere(canvas, network)
        return first_look.where_needed(canvas, plan, session.first_look_session().run, network)


class OnnxEmbedder:
    """dlib's ResNet-29 of 128 outputs; its embeddings differ from dlib's by less than 1e-6, so the space is the same.

    Args:
        mirror: average each embedding with that of the mirrored chip. The mean is not scaled to unit length.
        provider: which of ONNX Runtime's execution providers runs it, see `session.PROVIDERS`.
    """

    def __init__(self, mirror: bool, provider: str = "cpu") -> None:
        self._mirror = mirror
        self._provider = provider

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every embedding it gives; known without reading the weights."""
        return space_of(mirror=self._mirror)

    def embed(self, chips: Chips) -> Embeddings:
        """(n, 128) embeddings of (n, 150, 150, 3) chips; n may be 0."""
        if not self._mirror:
            return self._describe(chips)
        both = self._describe(np.concatenate([chips, chips[:, :, ::-1]]))
        return (both[: len(chips)] + both[len(chips) :]) / np.float32(2)

    def _describe(self, chips: Chips) -> Embeddings:
        described = np.empty((len(chips), EMBEDDING_LENGTH), np.float32)
        for start in range(0, len(chips), _CHIPS_AT_ONCE):
            part = np.ascontiguousarray(chips[start : start + _CHIPS_AT_ONCE])
            described[start : start + len(part)] = session.embedding_session(self._provider).run(part)
        return described
