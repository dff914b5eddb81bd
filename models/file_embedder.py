"""An embedder from an ONNX file that the settings declare, behind the protocol of `models.faces`.

The file is held to its declaration when it is first used: its hash, its input, the length of its output. What is cut
along the landmarks for it, `models.alignment` says.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.embedder_file import EmbedderFile
from config.errors import ForeignWeights, SettingsError, WeightsMissing
from models.faces import Chips, Embeddings, EmbeddingSpace
from models.networks.session import PROVIDER_ERRORS, Session

_COLOURS = 3
_CHIPS_AT_ONCE = 16
_REMEDY = "docs/embedders.md tells how a file is declared"


class FileEmbedder:
    """Runs a declared network.

    Args:
        file: the declaration.
        provider: which of ONNX Runtime's execution providers runs it, see `session.PROVIDERS`.

    Raises:
        SettingsError: none is declared.
    """

    def __init__(self, file: EmbedderFile, provider: str = "cpu") -> None:
        if not file.declared:
            raise SettingsError("faces.file.path", "no embedder's file is declared", _REMEDY)
        self._file = file
        self._provider = provider

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every embedding it gives; known without reading the file."""
        return EmbeddingSpace(self._file.space_name, self._file.length, self._file.sha256)

    def embed(self, chips: Chips) -> Embeddings:
        """(n, length) embeddings of (n, edge, edge, 3) chips; n may be 0.

        Raises:
            WeightsMissing: the file is not there, or has another hash.
            ForeignWeights: it holds no network that takes such chips and gives such embeddings.
        """
        file = self._file
        if not len(chips):
            return np.empty((0, file.length), np.float32)
        found = self._describe(chips)
        if file.mirror:
            found = (found + self._describe(chips[:, :, ::-1])) / np.float32(2)
        return found * np.float32(file.stretch)

    def _describe(self, chips: Chips) -> Embeddings:
        network = _network(self._file, self._provider)
        found = np.concatenate([
            network.run(chips[start : start + network.at_once]) for start in range(0, len(chips), network.at_once)
        ])  # fmt: skip
        if not self._file.unit_length:
            return found
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


class _Network:
    """The session of a declared file, held to the declaration.

    Raises:
        ForeignWeights: its input or its output is another one.
    """

    def __init__(self, file: EmbedderFile, session: Session) -> None:
        self._file = file
        self._session = session
        self._check_input()
        shape = session.input_shape
        self._channels_first = shape[1] == _COLOURS
        self._bytes = session.input_type == "tensor(uint8)"
        self.at_once = 1 if shape[0] == 1 else _CHIPS_AT_ONCE
        self._check_output()

    def run(self, chips: Chips) -> Embeddings:
        found = self._session.run(self._pixels(chips))
        return found.reshape(len(found), -1)

    def _pixels(self, chips: Chips) -> NDArray[np.uint8] | NDArray[np.float32]:
        file = self._file
        ordered = chips if file.channels == "rgb" else chips[..., ::-1]
        if self._channels_first:
            ordered = ordered.transpose(0, 3, 1, 2)
        if self._bytes:
            return np.ascontiguousarray(ordered)
        levels = np.ascontiguousarray(ordered, np.float32)
        return (levels - np.float32(file.mean)) / np.float32(file.deviation)

    def _check_input(self) -> None:
        file, kind = self._file, self._session.input_type
        if not _takes(self._session.input_shape, file.edge):
            chips = ", ".join(_told(("n", *shape)) for shape in _shapes(file.edge))
            raise ForeignWeights(
                file.path,
                f"takes an input of shape {_told(self._session.input_shape)}, and faces of {file.edge} px are {chips}",
                "declare the edge that the network takes, and export it for any number of faces or for one",
            )
        if kind not in {"tensor(float)", "tensor(uint8)"}:
            raise ForeignWeights(file.path, f"takes {kind}, not float32 or uint8", "export it in single precision")
        if kind == "tensor(uint8)" and (file.mean, file.deviation) != (0, 1):
            raise ForeignWeights(
                file.path,
                f"takes whole levels, and mean {file.mean:g} and deviation {file.deviation:g} are declared",
                "declare mean 0 and deviation 1: the network does that itself",
            )

    def _check_output(self) -> None:
        file = self._file
        black = np.zeros((1, file.edge, file.edge, _COLOURS), np.uint8)
        try:
            shape = self._session.run(self._pixels(black)).shape
        except PROVIDER_ERRORS as error:
            raise ForeignWeights(file.path, f"cannot be run: {_first_line(error)}", _REMEDY) from error
        if shape[0] != 1 or int(np.prod(shape)) != file.length:
            raise ForeignWeights(
                file.path,
                f"gives an output of shape {_told(shape)} for one face, and length {file.length} is declared",
                "declare the length that the network gives",
            )


@cache
def _network(file: EmbedderFile, provider: str) -> _Network:
    """One per process and declaration."""
    graph = _read(file)
    try:
        session = Session(graph, provider)
    except PROVIDER_ERRORS as error:
        raise ForeignWeights(file.path, f"is no network that can be run: {_first_line(error)}", _REMEDY) from error
    return _Network(file, session)


def _read(file: EmbedderFile) -> bytes:
    """Its content: what was held against the hash is what is run."""
    try:
        graph = Path(file.path).read_bytes()
    except OSError as error:
        raise WeightsMissing(file.path, error.strerror or "cannot be read", "put the declared file there") from error
    found = hashlib.sha256(graph).hexdigest()
    if found != file.sha256:
        raise WeightsMissing(
            file.path,
            f"has other content than declared: SHA-256 {found}",
            "put the declared file there; another network is another embedding space, to be declared anew",
        )
    return graph


def _shapes(edge: int) -> tuple[tuple[int, ...], ...]:
    return (_COLOURS, edge, edge), (edge, edge, _COLOURS)


def _takes(shape: tuple[int | str | None, ...], edge: int) -> bool:
    """Whether chips fit an input, one at a time or many. Where its colours are must be told."""
    if len(shape) != 4 or not (shape[0] == 1 or not isinstance(shape[0], int)):
        return False
    return any(
        wanted.index(_COLOURS) + 1 == shape.index(_COLOURS)
        and all(have == want or not isinstance(have, int) for have, want in zip(shape[1:], wanted, strict=True))
        for wanted in _shapes(edge)
        if _COLOURS in shape[1:]
    )


def _told(shape: tuple[int | str | None, ...]) -> str:
    return f"({', '.join(str(edge) for edge in shape)})"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
