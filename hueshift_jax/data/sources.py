"""Where training pictures come from."""

import csv
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from hueshift_jax.errors import DataError

SUFFIXES = (".webp", ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


def decode(content: bytes) -> np.ndarray | None:
    """A picture file as rgb_u8 (h, w, 3), or None if it cannot be decoded."""
    if not content:
        return None
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # such as a header that claims more pixels than OpenCV allows
        return None
    return None if bgr is None else np.ascontiguousarray(bgr[..., ::-1])


def _from_tar(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile() and member.name.lower().endswith(SUFFIXES):
                    yield member.name, tar.extractfile(member).read()
    except tarfile.TarError as exc:
        raise DataError(f"{path} is no readable tar file: {exc}") from exc


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every picture below the folder, and every picture in its tar files, in sorted order."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".tar" and path.is_file():
            yield from _from_tar(path)
        elif path.suffix.lower() in SUFFIXES and path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def _excluded(path: Path) -> set[str]:
    """Names in the first column of a CSV file, if there is one."""
    if not path.is_file():
        return set()
    with path.open(newline="", encoding="utf-8") as file:
        return {row[0] for row in csv.reader(file) if row}


class Pictures(Sequence[np.ndarray]):
    """Pictures of one folder, decoded once into memory: a random-access source for grain.

    Args:
      folder: holds pictures, in folders of any depth, and tar files of pictures; a file
        `exclude.csv` in it lists names (first column) that are left out.
      short_side: larger pictures are reduced to this, which bounds the memory.
      limit: at most this many pictures, 0 for all.

    Raises:
      DataError: no such folder, or no picture in it.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        short_side: int = 160,
        limit: int = 0,
    ):
        folder = Path(folder).expanduser()
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder}; --data takes a folder of pictures")
        self._pictures: list[np.ndarray] = []
        self.undecodable: list[str] = []
        exclude = _excluded(folder / "exclude.csv")
        wanted = ((name, data) for name, data in _files(folder) if name not in exclude)
        with ThreadPoolExecutor() as pool:
            for name, picture in _ordered(pool, wanted, short_side):
                if picture is None:
                    self.undecodable.append(name)
                else:
                    self._pictures.append(picture)
                if limit and len(self._pictures) >= limit:
                    break
        if not self._pictures:
            raise DataError(f"{folder} holds no readable picture; expected pictures or tar files")

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> np.ndarray:
        return self._pictures[index]


def _ordered(
    pool: ThreadPoolExecutor, files: Iterator[tuple[str, bytes]], short_side: int
) -> Iterator[tuple[str, np.ndarray | None]]:
    """Decodes ahead in threads without reading the whole folder first."""
    waiting: list = []
    for name, data in files:
        waiting.append((name, pool.submit(_reduced, data, short_side)))
        if len(waiting) >= 256:
            first, future = waiting.pop(0)
            yield first, future.result()
    for name, future in waiting:
        yield name, future.result()


def _reduced(content: bytes, short_side: int) -> np.ndarray | None:
    picture = decode(content)
    if picture is None or min(picture.shape[:2]) <= short_side:
        return picture
    scale = short_side / min(picture.shape[:2])
    height, width = (round(n * scale) for n in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
