import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from config.errors import UnreadablePhotograph
from curation.photographs import LARGEST_PIXELS, find_photographs, natural_key, photograph_hash, read_photograph, shown
from demo.material import Material

ORIENTATION = 0x0112
# How a camera that was held in each of the eight ways stores an upright scene.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def picture() -> Image.Image:
    """4 rows of 6 columns, every pixel of another colour."""
    values = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3) * 3
    return Image.fromarray(values)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]  # Pillow types each format's options apart
    return path


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_every_exif_orientation_is_turned_upright(tmp_path: Path, orientation: int, ending: str) -> None:
    turn = STORED[orientation]
    stored = picture() if turn is None else picture().transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = save(tmp_path / f"a.{ending}", stored, exif=exif, **({"lossless": True} if ending == "webp" else {}))
    assert np.array_equal(read_photograph(path), np.asarray(picture()))


def test_a_real_jpeg_with_an_orientation_is_turned_upright(tmp_path: Path, material: Material) -> None:
    with Image.open(material.biden) as upright:
        small = upright.convert("RGB").resize((97, 220))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = save(tmp_path / "a.jpg", small.transpose(Image.Transpose.ROTATE_90), exif=exif, quality=95)
    difference = np.abs(read_photograph(path).astype(int) - np.asarray(small).astype(int))
    assert difference.mean() < 4


def test_damaged_exif_around_a_sound_picture_is_passed_over(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", picture(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff\x12\x01")
    assert np.array_equal(read_photograph(path), np.asarray(picture()))


def palette_with_transparency(path: Path) -> Path:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 10, 20, 0, 0, 0])
    image.putpixel((1, 0), 1)
    return save(path.with_suffix(".png"), image, transparency=1)


def alpha(path: Path) -> Path:
    image = Image.new("RGBA", (2, 1), (200, 10, 20, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    return save(path.with_suffix(".png"), image)


def grey_alpha(path: Path) -> Path:
    image = Image.new("LA", (2, 1), (120, 255))
    image.putpixel((1, 0), (0, 0))
    return save(path.with_suffix(".png"), image)


def animation(path: Path) -> Path:
    frames = [Image.new("RGB", (2, 1), colour) for colour in ((200, 10, 20), (0, 255, 0))]
    return save(path.with_suffix(".webp"), frames[0], save_all=True, append_images=frames[1:], lossless=True)


def cmyk(path: Path) -> Path:
    return save(path.with_suffix(".tif"), Image.new("CMYK", (2, 1), (0, 255, 255, 0)))


def sixteen_bits(path: Path) -> Path:
    return save(path.with_suffix(".png"), Image.fromarray(np.array([[0, 65535, 32896]], np.uint16)))


def thirty_two_bits(path: Path) -> Path:
    return save(path.with_suffix(".tif"), Image.fromarray(np.array([[0, 65535, 32896]], np.int32)))


def floats(path: Path) -> Path:
    return save(path.with_suffix(".tif"), Image.fromarray(np.array([[0, 1, np.nan]], np.float32)))


def bits(path: Path) -> Path:
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    return save(path.with_suffix(".pbm"), image)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (palette_with_transparency, [(200, 10, 20), (255, 255, 255)]),
        (alpha, [(200, 10, 20), (255, 255, 255)]),
        (grey_alpha, [(120, 120, 120), (255, 255, 255)]),
        (animation, [(200, 10, 20), (200, 10, 20)]),
        (cmyk, [(255, 0, 0), (255, 0, 0)]),
        (sixteen_bits, [(0, 0, 0), (255, 255, 255), (128, 128, 128)]),
        (thirty_two_bits, [(0, 0, 0), (255, 255, 255), (128, 128, 128)]),
        (floats, [(0, 0, 0), (255, 255, 255), (0, 0, 0)]),
        (bits, [(0, 0, 0), (255, 255, 255)]),
    ],
)
def test_every_colour_mode_becomes_rgb(
    tmp_path: Path, write: Callable[[Path], Path], expected: list[tuple[int, int, int]]
) -> None:
    image = read_photograph(write(tmp_path / "a"))
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert [tuple(pixel) for pixel in image[0].tolist()] == expected


def test_one_pixel_is_a_photograph(tmp_path: Path) -> None:
    assert read_photograph(save(tmp_path / "a.png", Image.new("RGB", (1, 1)))).shape == (1, 1, 3)


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return head + struct.pack(">I", 1000) + b"IDAT"


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("empty.jpg", b"", "empty"),
        ("text.jpg", b"this is not a picture, whatever its name says\n", "not a picture"),
        ("page.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        ("phone.jpg", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        ("vast.png", png_header(60_000, 60_000), "pixels"),
        ("large.png", png_header(12_000, LARGEST_PIXELS // 12_000 + 1), "12000 × 10001 pixels"),
        ("header.png", png_header(10, 10), "cannot be decoded"),
    ],
)
def test_what_is_no_photograph_is_refused_for_what_it_is(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadablePhotograph) as caught:
        read_photograph(path)
    assert caught.value.subject == str(path)
    assert what in caught.value.what
    assert caught.value.remedy


def test_a_truncated_photograph_is_refused(tmp_path: Path, material: Material) -> None:
    path = tmp_path / "half.jpg"
    path.write_bytes(material.obama.read_bytes()[:50_000])
    with pytest.raises(UnreadablePhotograph, match="truncated"):
        read_photograph(path)


def test_a_missing_photograph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePhotograph, match="does not exist"):
        read_photograph(tmp_path / "missing.jpg")


def test_a_named_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadablePhotograph, match="not a regular file"):
        read_photograph(tmp_path / "pipe.jpg")


@pytest.fixture(scope="session")
def encoded(material: Material, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("encoded")
    with Image.open(material.astronaut) as image:
        small = image.convert("RGB").resize((48, 48))
    endings = ("jpg", "png", "gif", "webp", "tif", "bmp", "ppm", "jp2", "avif")
    return {ending: save(folder / f"a.{ending}", small).read_bytes() for ending in endings}


@settings(max_examples=150)
@given(data=st.data())
def test_damage_of_any_kind_is_an_unreadable_photograph_or_a_picture(
    data: st.DataObject, encoded: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ending = data.draw(st.sampled_from(sorted(encoded)))
    content = bytearray(encoded[ending])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(1, len(content))) :]
    path = tmp_path_factory.getbasetemp() / f"damaged.{ending}"
    path.write_bytes(content)
    try:
        image = read_photograph(path)
    except UnreadablePhotograph:
        return
    assert image.ndim == 3
    assert image.shape[2] == 3


def test_the_hash_is_of_the_upright_pixels_not_of_the_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    plain = save(tmp_path / "a.png", picture())
    other = save(tmp_path / "b.tif", picture().transpose(Image.Transpose.ROTATE_90), exif=exif)
    assert photograph_hash(read_photograph(plain)) == photograph_hash(read_photograph(other))


def test_the_hash_tells_shapes_and_single_values_apart() -> None:
    image = np.asarray(picture())
    other = image.copy()
    other[3, 5, 2] += 1
    hashes = {photograph_hash(one) for one in (image, image.reshape(6, 4, 3), other)}
    assert len(hashes) == 3
    assert all(len(one) == 64 for one in hashes)


def test_photographs_are_found_in_natural_order_and_the_rest_is_told_apart(tmp_path: Path) -> None:
    names = [
        *("10.jpg", "2.JPG", "a/1.png", ".hidden.jpg", ".git/x.jpg", "Thumbs.db", "@eaDir/1.jpg", "phone.HEIC"),
        *("notes.txt", "b/film.mp4"),
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = find_photographs([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found.photographs] == [
        *("2.JPG", "10.jpg", "phone.HEIC", "a/1.png"),
    ]
    assert [path.name for path in found.left_out] == ["notes.txt", "film.mp4"]


def test_what_is_named_itself_is_kept_whatever_it_is(tmp_path: Path) -> None:
    (tmp_path / "scan").write_bytes(b"")
    named = [tmp_path / "missing.jpg", tmp_path / "scan", tmp_path / ".hidden.jpg"]
    assert find_photographs(named).photographs == named


@given(st.permutations(["", "1", "01", "a1", "A1", "a01", "a", "b2", "b10", "b10a", "ß", "²", "٣"]))
def test_natural_order_depends_on_the_names_alone(names: list[str]) -> None:
    assert sorted(names, key=natural_key) == sorted(sorted(names), key=natural_key)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_numbers_in_names_count_by_value(first: int, second: int) -> None:
    in_order = sorted((f"p{first}.jpg", f"p{second}.jpg"), key=natural_key)
    assert in_order == [f"p{number}.jpg" for number in sorted((first, second))]


def test_a_path_that_is_no_text_can_be_shown() -> None:
    path = Path(os.fsdecode(b"caf\xe9.jpg"))
    assert shown(path) == "caf\\xe9.jpg"
    assert shown(Path("café.jpg")) == "café.jpg"
