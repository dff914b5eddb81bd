"""Typed tables of the ledger, for SQLite and PostgreSQL.

Times inside a video are whole ticks (`pts`) of the video's time base, counted from the video's `origin_pts`; seconds
are made for display only. Points in time of the world are UTC.
"""

from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from db.states import ArrivalState, SegmentState, VideoState
from models.decision import Decision


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time with its zone, also on SQLite, which stores none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """Refuse a naive time: whose clock would it be?"""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a point in time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite counts rows by itself only for a column of type INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Names every constraint, so that migrations can drop it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Priority(IntEnum):
    """What goes first among videos of one deadline, and what is done at all where not all can be."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    URGENT = 3


class SampleOutcome(StrEnum):
    """What became of a planned sample. The four add up to the plan."""

    ANALYSED = "analysed"
    CARRIED = "carried"
    FLAT = "flat"
    UNDECODABLE = "undecodable"


class Side(StrEnum):
    """Of an appearance."""

    START = "start"
    END = "end"


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _partial(name: str, column: str, condition: str, *, unique: bool = False) -> Index:
    """Of those rows only that fulfil a condition."""
    return Index(name, column, unique=unique, sqlite_where=text(condition), postgresql_where=text(condition))


def new_token() -> str:
    """32 hexadecimal digits that nobody has drawn before."""
    return uuid4().hex


class EmbeddingSpaceRow(Base):
    """An embedding space that vectors in this database live in."""

    __tablename__ = "embedding_spaces"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    length: Mapped[int]
    weights_sha256: Mapped[str] = mapped_column(String(64))
    gallery_version: Mapped[int] = mapped_column(default=0)
    """Grows with every change of the enrolled faces of this space."""
    gallery_token: Mapped[str] = mapped_column(String(32), default=new_token)
    """Drawn anew with every change. Unlike the version, which a restored backup counts again, it names one state of one
    ledger for good: what is kept of a gallery outside the database is kept under it."""
    calibration_id: Mapped[int | None] = mapped_column(
        ForeignKey("calibrations.id", use_alter=True, name="fk_embedding_spaces_calibration_id")
    )
    """The one that decides; none where names are given by distance."""
    rivals_of: Mapped[str | None] = mapped_column(String(80))
    """The state of gallery and unknown people that the rivals were found in; none before the first time."""


class CalibrationRow(Base):
    """Limits of scores, and what they were measured on. Old ones stay: videos name the rule that decided."""

    __tablename__ = "calibrations"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("embedding_spaces.id"), index=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    gallery_version: Mapped[int]
    identities: Mapped[int]
    """Enrolled then."""
    photographs: Mapped[int]
    strangers: Mapped[int]
    """People of the gallery that were left out in turn."""
    unknown: Mapped[int]
    """Unknown people of the archive in the cohort."""
    clusters: Mapped[int]
    """Unknown people that the archive held then; whoever was not linked yet, as often as they were seen."""
    fpir: Mapped[float] = mapped_column(Float)
    """Share of strangers that may get a name, and below, that may ask a reviewer."""
    review_fpir: Mapped[float] = mapped_column(Float)
    limit: Mapped[float] = mapped_column(Float)
    """Scores below it give a name, and below `review_limit` ask a reviewer."""
    review_limit: Mapped[float] = mapped_column(Float)
    fpir_low: Mapped[float] = mapped_column(Float)
    """Interval of 95 % of the share that gets a name."""
    fpir_high: Mapped[float] = mapped_column(Float)
    missed: Mapped[float | None] = mapped_column(Float)
    """Share of the enrolled who do not get their name; none where nobody has two photographs. Its interval."""
    missed_low: Mapped[float | None] = mapped_column(Float)
    missed_high: Mapped[float | None] = mapped_column(Float)
    missed_people: Mapped[int]
    """How many people that was measured on."""
    slope: Mapped[float] = mapped_column(Float)
    intercept: Mapped[float] = mapped_column(Float)
    """Of the logarithm of the odds that a first candidate is right."""
    rule: Mapped[str] = mapped_column(String(200))
    """The name of the rule, as videos keep it."""


class CohortMember(Base):
    """An unknown person of the archive whom scores are normalised by. Only the calibration that decides has any."""

    __tablename__ = "cohort_members"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    calibration_id: Mapped[int] = mapped_column(ForeignKey("calibrations.id", ondelete="CASCADE"), index=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    """That the person was seen in."""
    template: Mapped[bytes] = mapped_column(LargeBinary)
    """Personal data."""


class Video(Base):
    """One content, however often it was submitted."""

    __tablename__ = "videos"
    __table_args__ = (_one_of("state", VideoState),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the file's bytes, hexadecimal."""
    byte_size: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    modified_ns: Mapped[int | None] = mapped_column(BigInteger)
    """When the file there was last written when it was hashed, nanoseconds since 1970; none of an object."""
    state: Mapped[str] = mapped_column(String(16), index=True)
    cause: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)
    container: Mapped[str | None] = mapped_column(String(80))
    codec: Mapped[str | None] = mapped_column(String(40))
    width: Mapped[int | None]
    """Columns of the upright frame, as displayed."""
    height: Mapped[int | None]
    rotation: Mapped[int | None]
    """Degrees clockwise by which decoded frames are turned to stand upright."""
    time_base_num: Mapped[int | None]
    time_base_den: Mapped[int | None]
    origin_pts: Mapped[int | None] = mapped_column(BigInteger)
    """Ticks of the stream at which a player shows 0:00."""
    duration_pts: Mapped[int | None] = mapped_column(BigInteger)
    """Ticks from the origin to the end; none where nothing declares it."""
    clock_pieces: Mapped[str | None] = mapped_column(Text)
    """JSON, [byte, tick of the file's clock, tick in time that goes on] of each; none where the clock does not jump."""
    interval_ms: Mapped[int | None]
    tolerance_ms: Mapped[int | None]
    """How far a sample's frame may lie from its instant; none (as 0) where it was planned before there was a choice."""
    finish_number: Mapped[int | None] = mapped_column(BigInteger, index=True, unique=True)
    """Drawn when the video is done or partial, larger than all that were drawn before."""
    horizon: Mapped[int | None] = mapped_column(BigInteger)
    """Largest finish number when the video was planned. Frames of videos that were finished later are not reused in
    it: all its segments, and all their tries, see the same ones."""
    detector: Mapped[str | None] = mapped_column(String(80))
    space_id: Mapped[int | None] = mapped_column(ForeignKey("embedding_spaces.id"))
    gallery_version: Mapped[int | None]
    """Of the gallery that the names come from."""
    matched_version: Mapped[int | None]
    """Of the newest gallery by which the names would be the same; none where they must be asked for anew."""
    matched_rule: Mapped[str | None] = mapped_column(String(200))
    """The newest rule by which they would be the same."""
    rule: Mapped[str | None] = mapped_column(String(200))
    """The rule that decided, with its limits, e.g. `nearest/0.500/0.050`."""
    priority: Mapped[int] = mapped_column(SmallInteger, default=Priority.NORMAL)
    deadline: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """By when it is to be done; none of videos from before there were deadlines."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Of finishing it, or of probing it where it was never more than that."""
    excused: Mapped[int] = mapped_column(default=0)
    """How many of the attempts failed by something that is no fault of the file's."""
    lease_owner: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """When it was done first: it stays while a video is refilled."""
    refilled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the samples that were left out for want of time were asked for."""

    segments: Mapped[list["Segment"]] = relationship(
        order_by="Segment.number", cascade="all, delete-orphan", passive_deletes=True
    )
    space: Mapped["EmbeddingSpaceRow | None"] = relationship()


class Source(Base):
    """A place that a video was submitted from."""

    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("video_id", "path"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(Text)
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    channel: Mapped[str | None] = mapped_column(String(200))
    recorded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the recording began."""


class Arrival(Base):
    """A file of a watched folder, or an object of a watched bucket, as it was seen last."""

    __tablename__ = "arrivals"
    __table_args__ = (_one_of("state", ArrivalState),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    place: Mapped[str] = mapped_column(Text, unique=True)
    version: Mapped[str] = mapped_column(String(200))
    """Size, time of change and tag of the file and of its sidecar: another one is another upload."""
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    """When it was seen first as it is."""
    state: Mapped[str] = mapped_column(String(16), index=True)
    video_id: Mapped[int | None] = mapped_column(ForeignKey("videos.id", ondelete="SET NULL"), index=True)
    cause: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    excused: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Segment(Base):
    """A run of samples of one video that one worker takes at a time. Sample k belongs to the instant k × interval."""

    __tablename__ = "segments"
    __table_args__ = (
        UniqueConstraint("video_id", "number"),
        _one_of("state", SegmentState),
        _partial("ix_segments_coarse", "video_id", "stride > 1"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    number: Mapped[int]
    first_sample: Mapped[int]
    end_sample: Mapped[int | None]
    """First sample that is not the segment's; none where the video's end is not known."""
    stride: Mapped[int] = mapped_column(SmallInteger, default=1)
    """Every which of its samples is to be looked at, from its first one on."""
    key_samples: Mapped[int | None]
    """Of its samples, how many were key frames decoded alone; none until it is done."""
    reused_samples: Mapped[int | None]
    """Of its samples, how many got the faces of a frame that an earlier video showed; none until it is done."""
    state: Mapped[str] = mapped_column(String(16), index=True)
    cause: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    """How often it was claimed; also the fence: a writer with an older number changes nothing."""
    excused: Mapped[int] = mapped_column(default=0)
    """How many of the attempts failed by something that is no fault of the file's."""
    lease_owner: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SampleRun(Base):
    """Frame account: samples [first_sample, end_sample) of a segment that ended alike.

    With a stride only every so manieth of them was looked at, from the first one on; the others were left out.
    """

    __tablename__ = "sample_runs"
    __table_args__ = (
        _one_of("outcome", SampleOutcome),
        _partial("ix_sample_runs_coarse", "segment_id", "stride > 1"),
    )

    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True)
    first_sample: Mapped[int] = mapped_column(primary_key=True)
    end_sample: Mapped[int]
    stride: Mapped[int] = mapped_column(SmallInteger, default=1)
    outcome: Mapped[str] = mapped_column(String(16))
    first_pts: Mapped[int | None] = mapped_column(BigInteger)
    """Presentation time of the first and of the last frame of the run, ticks from the origin; none if undecodable."""
    last_pts: Mapped[int | None] = mapped_column(BigInteger)


class FaceRow(Base):
    """One face in one analysed frame."""

    __tablename__ = "faces"
    __table_args__ = (Index("ix_faces_video_id_sample", "video_id", "sample"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id", ondelete="CASCADE"), index=True)
    sample: Mapped[int]
    pts: Mapped[int] = mapped_column(BigInteger)
    """Presentation time of the frame, ticks from the origin."""
    left: Mapped[int]
    top: Mapped[int]
    right: Mapped[int]
    bottom: Mapped[int]
    score: Mapped[float] = mapped_column(Float)
    sharpness: Mapped[float] = mapped_column(Float)
    size: Mapped[float] = mapped_column(Float)
    pose: Mapped[float] = mapped_column(Float)
    exposure: Mapped[float | None] = mapped_column(Float)
    """None where it was not measured, as also the certainty."""
    certainty: Mapped[float | None] = mapped_column(Float)
    landmarks: Mapped[bytes] = mapped_column(LargeBinary)
    """(5, 2) float32, little-endian."""
    space_id: Mapped[int] = mapped_column(ForeignKey("embedding_spaces.id"))
    embedding: Mapped[bytes] = mapped_column(LargeBinary)
    """As many float32 as the space is long, little-endian."""
    group_id: Mapped[int | None] = mapped_column(ForeignKey("face_groups.id", ondelete="SET NULL"), index=True)


class FaceCrop(Base):
    """Picture of a face with some of its surroundings, for people to look at. In a pack it is a PackedCrop."""

    __tablename__ = "face_crops"

    face_id: Mapped[int] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True)
    jpeg: Mapped[bytes] = mapped_column(LargeBinary)


class PackState(StrEnum):
    """Of a pack. What is dropped is deleted from its store, then from here."""

    WRITING = "writing"
    KEPT = "kept"
    DROPPED = "dropped"


class CropPack(Base):
    """An object of a folder or bucket that holds crops, one after the other. The row is there before the object."""

    __tablename__ = "crop_packs"
    __table_args__ = (_one_of("state", PackState), _partial("ix_crop_packs_unsettled", "state", "state <> 'kept'"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    root: Mapped[str] = mapped_column(Text)
    """The folder or bucket, as `storage.crops` named it then."""
    name: Mapped[str] = mapped_column(String(60), unique=True)
    """Below the root; drawn, and never drawn again."""
    byte_size: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """While it is written: when its writer is sure to have ended."""


class PackedCrop(Base):
    """Where the picture of a face lies that is kept outside the ledger; as long as there is a row, its pack stays."""

    __tablename__ = "packed_crops"

    face_id: Mapped[int] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True)
    pack_id: Mapped[int] = mapped_column(ForeignKey("crop_packs.id"), index=True)
    first: Mapped[int] = mapped_column(BigInteger)
    """Byte of the pack with which the picture begins."""
    count: Mapped[int]
    """Bytes."""


class FaceEmbedding(Base):
    """A face of a video in another embedding space than the one it was found in, made from its crop."""

    __tablename__ = "face_embeddings"
    __table_args__ = (_partial("ix_face_embeddings_unusable", "space_id", "embedding IS NULL"),)

    face_id: Mapped[int] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("embedding_spaces.id"), primary_key=True)
    embedding: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Personal data; none where the crop cannot be used."""


class Reembedding(Base):
    """A piece of work for another embedding space: the faces of one video, or all enrolled ones."""

    __tablename__ = "reembeddings"
    __table_args__ = (
        UniqueConstraint("space_id", "video_id"),
        _partial("ix_reembeddings_gallery", "space_id", "video_id IS NULL", unique=True),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("embedding_spaces.id"))
    video_id: Mapped[int | None] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    """None: the enrolled faces."""
    finish_number: Mapped[int | None] = mapped_column(BigInteger)
    """Of the video when all its faces had been embedded, 0 where it had none; none before. A video that has been
    finished anew since may hold other faces. Of the enrolled faces: the sum of the galleries' versions then."""
    lease_owner: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FrameRow(Base):
    """One analysed frame, to be found again in other videos. Its faces are those of the same segment and sample."""

    __tablename__ = "frames"
    __table_args__ = (UniqueConstraint("segment_id", "sample"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id", ondelete="CASCADE"))
    sample: Mapped[int]
    pts: Mapped[int] = mapped_column(BigInteger)
    """Presentation time, ticks from the origin."""
    hash: Mapped[int] = mapped_column(BigInteger)
    """`models.frame_hash`, as a signed number."""
    part_0: Mapped[int] = mapped_column(SmallInteger, index=True)
    """The hash in four parts of 16 bits, signed, the lowest first; see `models.multi_index`."""
    part_1: Mapped[int] = mapped_column(SmallInteger, index=True)
    part_2: Mapped[int] = mapped_column(SmallInteger, index=True)
    part_3: Mapped[int] = mapped_column(SmallInteger, index=True)
    reused_from: Mapped[int | None] = mapped_column(ForeignKey("frames.id", ondelete="SET NULL"), index=True)
    """The frame whose faces were taken over; none where faces were looked for."""


class Counter(Base):
    """A number that only grows. Whoever draws the next one holds the row until the end of the transaction."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class Chore(Base):
    """Work that belongs to no video, and who is at it: see `db.chores`."""

    __tablename__ = "chores"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    lease_owner: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was begun that was done last: of what came later it knows nothing."""


class FramePicture(Base):
    """What confirms that two frames of near hashes are the same: `models.frame_likeness`."""

    __tablename__ = "frame_pictures"

    frame_id: Mapped[int] = mapped_column(ForeignKey("frames.id", ondelete="CASCADE"), primary_key=True)
    png: Mapped[bytes] = mapped_column(LargeBinary)


class Identity(Base):
    """A person who is enrolled."""

    __tablename__ = "identities"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(String(400), unique=True)
    """The name in NFKC, case-folded, with single spaces: two spellings of it are one person."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EnrolledFace(Base):
    """One face of an identity, from one photograph."""

    __tablename__ = "enrolled_faces"
    __table_args__ = (UniqueConstraint("photograph_hash", "space_id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    identity_id: Mapped[int] = mapped_column(ForeignKey("identities.id", ondelete="CASCADE"), index=True)
    photograph: Mapped[str] = mapped_column(Text)
    """Where the photograph lay when it was enrolled."""
    photograph_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of its upright pixels and shape, hexadecimal: a copy with other metadata is the same photograph."""
    left: Mapped[int]
    top: Mapped[int]
    right: Mapped[int]
    bottom: Mapped[int]
    score: Mapped[float] = mapped_column(Float)
    sharpness: Mapped[float] = mapped_column(Float)
    size: Mapped[float] = mapped_column(Float)
    pose: Mapped[float] = mapped_column(Float)
    exposure: Mapped[float | None] = mapped_column(Float)
    """None where it was not measured, as also the certainty."""
    certainty: Mapped[float | None] = mapped_column(Float)
    space_id: Mapped[int] = mapped_column(ForeignKey("embedding_spaces.id"))
    embedding: Mapped[bytes] = mapped_column(LargeBinary)
    enrolled_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EnrolledCrop(Base):
    """The face of a photograph with some of its surroundings, to be embedded again."""

    __tablename__ = "enrolled_crops"

    face_id: Mapped[int] = mapped_column(ForeignKey("enrolled_faces.id", ondelete="CASCADE"), primary_key=True)
    jpeg: Mapped[bytes] = mapped_column(LargeBinary)
    landmarks: Mapped[bytes] = mapped_column(LargeBinary)
    """(5, 2) float32, little-endian, in pixels of the crop."""


class EnrolledEmbedding(Base):
    """An enrolled face in another embedding space than the one it was enrolled in, made from its crop."""

    __tablename__ = "enrolled_embeddings"
    __table_args__ = (_partial("ix_enrolled_embeddings_unusable", "space_id", "embedding IS NULL"),)

    face_id: Mapped[int] = mapped_column(ForeignKey("enrolled_faces.id", ondelete="CASCADE"), primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("embedding_spaces.id"), primary_key=True)
    embedding: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Personal data; none where the crop cannot be used."""


class UnknownState(StrEnum):
    """What became of an unknown person."""

    OPEN = "open"  # nobody has said anything yet
    IGNORED = "ignored"  # is not to be listed
    NAMED = "named"  # is an identity now
    JOINED = "joined"  # turned out to be another unknown person


class UnknownPerson(Base):
    """Somebody whom nobody has named, known again from video to video by what looks alike.

    A video that goes over to another embedding space takes its people with it, so they belong to no space.
    """

    __tablename__ = "unknown_people"
    __table_args__ = (_one_of("state", UnknownState),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)
    """People write `U-number`. Never drawn twice."""
    state: Mapped[str] = mapped_column(String(16), index=True)
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id", ondelete="CASCADE"), index=True)
    """Set exactly while the person is named."""
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("unknown_people.id", ondelete="CASCADE"), index=True)
    """Set exactly while the person is joined."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Rival(Base):
    """An unknown person who looks like somebody enrolled, so that whoever looks like both gets no name."""

    __tablename__ = "rivals"

    unknown_id: Mapped[int] = mapped_column(ForeignKey("unknown_people.id", ondelete="CASCADE"), primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("embedding_spaces.id"), primary_key=True, index=True)
    template: Mapped[bytes] = mapped_column(LargeBinary)
    """Of all that shows the person in videos of this space. Personal data."""


class FaceGroup(Base):
    """All faces of one person inside one video, and what was decided about them."""

    __tablename__ = "face_groups"
    __table_args__ = (UniqueConstraint("video_id", "number"), _one_of("decision", Decision))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    number: Mapped[int]
    """Counted from 1 in order of first appearance."""
    decision: Mapped[str] = mapped_column(String(16))
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id", ondelete="SET NULL"), index=True)
    """Set exactly while the decision is `named`."""
    confirmed: Mapped[bool] = mapped_column(default=False)
    """Whether somebody has said so, whatever the rule says."""
    confidence: Mapped[float | None] = mapped_column(Float)
    """0 to 1, that the first candidate is the right one; none without a calibration."""
    first_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id", ondelete="SET NULL"))
    first_distance: Mapped[float | None] = mapped_column(Float)
    first_score: Mapped[float | None] = mapped_column(Float)
    """What the rule decided by; smaller is more alike."""
    second_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id", ondelete="SET NULL"))
    second_distance: Mapped[float | None] = mapped_column(Float)
    second_score: Mapped[float | None] = mapped_column(Float)
    rival_id: Mapped[int | None] = mapped_column(ForeignKey("unknown_people.id", ondelete="SET NULL"), index=True)
    """The unknown person who is as alike as the first candidate, and why nobody is named."""
    face_count: Mapped[int]
    best_face_id: Mapped[int | None] = mapped_column(
        ForeignKey("faces.id", ondelete="SET NULL", use_alter=True, name="fk_face_groups_best_face_id"), index=True
    )


class Cluster(Base):
    """Faces of one video that look alike, as the gallery was asked about them. Clusters of one name are one group."""

    __tablename__ = "clusters"
    __table_args__ = (
        UniqueConstraint("video_id", "number"),
        _one_of("decision", Decision),
        _partial("ix_clusters_unlinked", "video_id", "unknown_id IS NULL AND decision = 'unknown'"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    number: Mapped[int]
    template: Mapped[bytes] = mapped_column(LargeBinary)
    """In the video's embedding space. Personal data."""
    variance: Mapped[float] = mapped_column(Float, default=0.0)
    """Of the faces around the template."""
    decision: Mapped[str] = mapped_column(String(16))
    """What the rule said. The group may be told otherwise: see `worker.finish`."""
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id", ondelete="SET NULL"), index=True)
    """Who is named, or proposed to a reviewer; none where nobody is."""
    group_id: Mapped[int | None] = mapped_column(ForeignKey("face_groups.id", ondelete="SET NULL"), index=True)
    """That its faces are in."""
    confirmed_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id", ondelete="SET NULL"), index=True)
    """Who somebody has said it is. Outlives whatever the rule says."""
    unknown_id: Mapped[int | None] = mapped_column(ForeignKey("unknown_people.id", ondelete="SET NULL"), index=True)
    """Which unknown person it shows; none while nobody has looked, or where somebody is named or proposed."""


class Appearance(Base):
    """A stretch of time in which one group is on camera."""

    __tablename__ = "appearances"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("face_groups.id", ondelete="CASCADE"), index=True)
    start_pts: Mapped[int] = mapped_column(BigInteger)
    """Presentation time of the first and of the last frame in which the group was seen, ticks from the origin."""
    end_pts: Mapped[int] = mapped_column(BigInteger)
    unseen_before_pts: Mapped[int | None] = mapped_column(BigInteger)
    """Tick of the latest frame before, and of the earliest one after, that is known not to show the group; of the
    video's ends where nobody looked outside. None: not known."""
    unseen_after_pts: Mapped[int | None] = mapped_column(BigInteger)
    face_count: Mapped[int]
    best_face_id: Mapped[int | None] = mapped_column(ForeignKey("faces.id", ondelete="SET NULL"), index=True)


class Border(Base):
    """Between which frames somebody came or left. By face and not by appearance: those are made anew when names change.

    The face is the first or the last one of an appearance. Until somebody has looked in between, the frames are those
    of samples.
    """

    __tablename__ = "borders"
    __table_args__ = (_one_of("side", Side),)

    face_id: Mapped[int] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True)
    side: Mapped[str] = mapped_column(String(16), primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id", ondelete="CASCADE"), index=True)
    """In whose time it lies: the work of whoever claims that."""
    witnesses: Mapped[str] = mapped_column(Text)
    """JSON, ids of the faces by which the person is known again, the face itself first."""
    seen_pts: Mapped[int] = mapped_column(BigInteger)
    """Frame nearest to the border that shows the person, and that does not; ticks from the origin."""
    unseen_pts: Mapped[int] = mapped_column(BigInteger)
    looks: Mapped[int | None]
    """Frames in between in which the person was looked for; none while that is still to be done."""
    cause: Mapped[str | None] = mapped_column(String(40))
    """Why nobody could look."""


class TaskRun(Base):
    """One try at one piece of work."""

    __tablename__ = "task_runs"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    """`scan`, `refine` or `finish`."""
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    segment_id: Mapped[int | None] = mapped_column(ForeignKey("segments.id", ondelete="CASCADE"), index=True)
    attempt: Mapped[int]
    owner: Mapped[str] = mapped_column(String(120))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(16))
    """`done`, `failed` or `lost`; none while it runs, or when its process was killed."""
    cause: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)
    cpu_seconds: Mapped[float | None] = mapped_column(Float)


class ForecastRow(Base):
    """When the queue would be empty, as it was foretold; and when it was.

    The videos that it is about need no list: those up to `last_video_id` that had not ended by `made_at`.
    """

    __tablename__ = "forecasts"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    horizon: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """The next deadline among its videos; none where they have none."""
    last_video_id: Mapped[int] = mapped_column(BigInteger)
    videos: Mapped[int]
    video_seconds: Mapped[float] = mapped_column(Float)
    """Of video, and of one worker process's work, that were left to do."""
    work_seconds: Mapped[float] = mapped_column(Float)
    processes: Mapped[int]
    median_at: Mapped[datetime] = mapped_column(UtcDateTime)
    low_80_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """Borders of the intervals of 80 % and of 95 %."""
    high_80_at: Mapped[datetime] = mapped_column(UtcDateTime)
    low_95_at: Mapped[datetime] = mapped_column(UtcDateTime)
    high_95_at: Mapped[datetime] = mapped_column(UtcDateTime)
    stretch: Mapped[float] = mapped_column(Float)
    """Factor by which they were widened, because forecasts before had been too sure."""
    on_time: Mapped[float] = mapped_column(Float)
    """Probability that no video misses its deadline."""
    at_risk: Mapped[int]
    """Videos that might miss it, more likely than the forecast was asked to let pass."""
    emptied_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """When the last of its videos ended; none until somebody has looked."""
    late: Mapped[int | None]
    """How many of its videos ended after their deadlines."""
    overtaken: Mapped[int | None]
    """How many videos were submitted later, and ended before its last one did."""
