"""The one tree of exceptions.

Every error names its subject (the file, video, identity or setting it is about), says what was wrong, and what to do
next. `code` is the stable word that the ledger keeps as a cause and that scripts may compare with. `permanent` tells
whether another try, perhaps on another machine, could end otherwise: only what lies in the file itself is permanent.
`outage` tells that it was not the file at all, but storage or a server: a try that ends so does not count.

    RollcallError
    ├── SettingsError               a setting is unknown, of the wrong type or out of range
    ├── LedgerError
    │   ├── DatabaseUnavailable     the database cannot be reached, or was never migrated
    │   ├── NotFound                no such video or identity
    │   ├── NotFinished             a video that is asked about is still worked on, or nobody was looked for in it
    │   ├── NameTaken               another identity has this name already
    │   ├── BadName                 a name that cannot be kept
    │   ├── Conflict                somebody else wrote the same row in the same moment
    │   ├── GalleryTooSmall         too few people are enrolled to calibrate the gallery
    │   ├── MixedEngines            segments of one video were scanned with different settings
    │   └── LeaseLost               somebody else has taken the work over: what was computed is dropped
    ├── MediaError                  a file that was submitted as a video
    │   ├── UnusablePlace           neither an absolute path nor s3://bucket/key
    │   ├── StorageUnavailable      a folder that is not there, a server that does not answer (temporary)
    │   ├── FileMissing             not there, or not readable (temporary: a disk may come back)
    │   │   └── ContentReplaced     another content is there than the one that was submitted
    │   ├── UnusableName            a file name that is no text
    │   ├── BadSidecar              the file that tells about an upload cannot be understood
    │   ├── EmptyFile               zero bytes
    │   ├── NotAVideo               no container that the decoder knows
    │   ├── NoVideoStream           sound only, or only a cover picture
    │   ├── Undecodable             a video stream of which no frame can be decoded
    │   ├── DecoderFailed           what a file has done to the decoder; tried again, in case it was the machine
    │   │   ├── DecoderCrashed      it has died, or talked nonsense
    │   │   ├── DecoderHung         it has not got on, or not come to an end
    │   │   └── DecoderMemory       it wanted more memory than it may have
    │   ├── InQuarantine            tries at this content are used up, and nobody has asked for more
    │   └── AlreadySubmitted        the same bytes are in the ledger
    ├── PhotographError             a file that was given as a photograph
    │   ├── UnreadablePhotograph    missing, or not an image
    │   ├── NoFace                  no face was found
    │   ├── SeveralFaces            more than one face, and nothing says which is meant
    │   ├── FaceTooSmall            the face has too few pixels
    │   ├── FaceTooBlurred          the face is out of focus
    │   ├── FaceUnrecognisable      the face is too poor to tell who it is
    │   ├── DuplicatePhotograph     the same picture is enrolled already
    │   └── NearerToAnother         the face is nearer to another identity than to the one it was given for
    ├── ModelError
    │   ├── WeightsMissing          a file of weights is not there
    │   ├── ForeignWeights          a file of weights is truncated, altered or another one
    │   └── EngineUnavailable       the chosen engine cannot run here
    ├── EvaluationError             labelled material that nothing can be measured on
    │   ├── BadPairs                a file of labelled pairs is damaged, or none of its photographs is there
    │   ├── BadTruth                a file that says who is on camera is damaged, or contradicts itself or a video
    │   ├── ForeignEmbeddings       a file of embeddings is damaged, of other photographs or of another space
    │   └── NotEnoughPeople         fewer people, or photographs of each, than the protocol needs
    ├── BrokerUnavailable           the broker cannot be reached, or holds what is no message
    ├── WorkersDied                 worker processes of this machine die again and again
    └── MaterialUnavailable         the demo's photographs cannot be downloaded, or are not the pinned ones
"""

from typing import ClassVar


class RollcallError(Exception):
    """Base of all errors that Rollcall raises on purpose.

    Args:
        subject: what the error is about, e.g. a path, a video's id, a setting's name.
        what: what was wrong, a clause without a final stop.
        remedy: what to do next, a clause without a final stop; may be empty.
    """

    code: ClassVar[str] = "error"
    permanent: ClassVar[bool] = True
    outage: ClassVar[bool] = False

    def __init__(self, subject: str, what: str, remedy: str = "") -> None:
        # All three go to Exception.args, so that the error survives pickling between processes.
        super().__init__(subject, what, remedy)
        self.subject = subject
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        told = f"{self.subject}: {self.what}"
        return f"{told}; {self.remedy}" if self.remedy else told


class SettingsError(RollcallError):
    """A setting is unknown, of the wrong type or out of range."""

    code = "bad-setting"
    permanent = False


class LedgerError(RollcallError):
    """Something about the database."""

    code = "ledger"
    permanent = False


class DatabaseUnavailable(LedgerError):
    """The database cannot be reached, or was never migrated."""

    code = "database-unavailable"
    permanent = False
    outage = True


class NotFound(LedgerError):
    """No such video or identity."""

    code = "not-found"


class NotFinished(LedgerError):
    """A video that is asked about is still worked on, or nobody was looked for in it."""

    code = "not-finished"
    permanent = False


class NameTaken(LedgerError):
    """Another identity has this name already."""

    code = "name-taken"


class BadName(LedgerError):
    """The name is empty, too long, or holds characters that cannot be written."""

    code = "bad-name"


class Conflict(LedgerError):
    """Somebody else wrote the same row in the same moment."""

    code = "conflict"
    permanent = False


class GalleryTooSmall(LedgerError):
    """Too few people are enrolled to calibrate the gallery."""

    code = "gallery-too-small"
    permanent = False


class MixedEngines(LedgerError):
    """Segments of one video were scanned with different settings: their faces could not be compared."""

    code = "mixed-engines"
    permanent = False


class LeaseLost(LedgerError):
    """Somebody else has taken the work over: what was computed is dropped."""

    code = "lease-lost"
    permanent = False


class MediaError(RollcallError):
    """A file that was submitted as a video."""

    code = "media"


class UnusablePlace(MediaError):
    """What should say where a file is: neither an absolute path nor `s3://bucket/key`."""

    code = "unusable-place"


class StorageUnavailable(MediaError):
    """A folder that cannot be listed or written to, or a server that cannot be reached, is busy or lets nobody in.

    It says nothing about the files there: FileMissing is about one that is gone while its place is there.
    """

    code = "storage-unavailable"
    permanent = False
    outage = True


class FileMissing(MediaError):
    """The file is not there, or not readable; a disk may come back."""

    code = "file-missing"
    permanent = False


class ContentReplaced(FileMissing):
    """Another content is there than the one that was submitted: that one is missing there."""

    code = "content-replaced"


class UnusableName(MediaError):
    """The file's name is no text in UTF-8."""

    code = "unusable-name"


class BadSidecar(MediaError):
    """The file that tells about an upload cannot be understood."""

    code = "bad-sidecar"


class EmptyFile(MediaError):
    """The file has zero bytes."""

    code = "empty-file"


class NotAVideo(MediaError):
    """No container that the decoder knows."""

    code = "not-a-video"


class NoVideoStream(MediaError):
    """Sound only, or only a cover picture."""

    code = "no-video-stream"


class Undecodable(MediaError):
    """There is a video stream, but no frame of it can be decoded."""

    code = "undecodable"


class DecoderFailed(MediaError):
    """What a file has done to the decoder. It is tried again, as often as any work, in case it was the machine."""

    code = "decoder-failed"
    permanent = False


class DecoderCrashed(DecoderFailed):
    """The decoder has died, or talked nonsense."""

    code = "decoder-crashed"


class DecoderHung(DecoderFailed):
    """The decoder has not got on, or not come to an end."""

    code = "decoder-hung"


class DecoderMemory(DecoderFailed):
    """The decoder wanted more memory than it may have."""

    code = "decoder-memory"


class InQuarantine(MediaError):
    """Tries at this content are used up, under whatever name it comes, and nobody has asked for more."""

    code = "in-quarantine"


class AlreadySubmitted(MediaError):
    """The same bytes are in the ledger already."""

    code = "already-submitted"


class PhotographError(RollcallError):
    """A file that was given as a photograph."""

    code = "photograph"


class UnreadablePhotograph(PhotographError):
    """The photograph is missing, or is not an image."""

    code = "unreadable"


class NoFace(PhotographError):
    """No face was found."""

    code = "no-face"


class SeveralFaces(PhotographError):
    """More than one face, and nothing says which is meant."""

    code = "several-faces"


class FaceTooSmall(PhotographError):
    """The face has too few pixels."""

    code = "too-small"


class FaceTooBlurred(PhotographError):
    """The face is out of focus."""

    code = "too-blurred"


class FaceUnrecognisable(PhotographError):
    """The face is too poor to tell who it is."""

    code = "unrecognisable"


class DuplicatePhotograph(PhotographError):
    """The same picture is enrolled already."""

    code = "duplicate"


class NearerToAnother(PhotographError):
    """The face is nearer to another identity than to the one it was given for."""

    code = "nearer-to-another"


class ModelError(RollcallError):
    """Something about the networks."""

    code = "model"
    permanent = False


class WeightsMissing(ModelError):
    """A file of weights is not there."""

    code = "weights-missing"


class ForeignWeights(ModelError):
    """A file of weights is truncated, altered or another one."""

    code = "foreign-weights"


class EngineUnavailable(ModelError):
    """The chosen engine cannot run here."""

    code = "engine-unavailable"


class EvaluationError(RollcallError):
    """Labelled material that nothing can be measured on."""

    code = "evaluation"


class BadPairs(EvaluationError):
    """A file of labelled pairs is damaged, or none of its photographs is there."""

    code = "bad-pairs"


class BadTruth(EvaluationError):
    """A file that says who is on camera is damaged, or contradicts itself or a video."""

    code = "bad-truth"


class ForeignEmbeddings(EvaluationError):
    """A file of embeddings is damaged, of other photographs or of another space."""

    code = "foreign-embeddings"


class NotEnoughPeople(EvaluationError):
    """There are fewer people, or photographs of each, than the protocol needs."""

    code = "not-enough-people"


class BrokerUnavailable(RollcallError):
    """The broker cannot be reached, or holds what is no message."""

    code = "broker-unavailable"
    permanent = False
    outage = True


class WorkersDied(RollcallError):
    """Worker processes of this machine die again and again."""

    code = "workers-died"
    permanent = False


class MaterialUnavailable(RollcallError):
    """The demo's photographs cannot be downloaded, or are not the pinned ones."""

    code = "material-unavailable"
    permanent = False
