from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from references_helpers import tarball

from benchmark.errors import FetchError
from benchmark.references.unpack import unpack

NAMES = st.lists(st.sampled_from(["a", "b", "é è", "c.json"]), min_size=1, max_size=3).map("/".join)
FILES = NAMES.map(lambda name: name + "/f")


@given(
    st.dictionaries(NAMES.map(lambda name: name + "/f"), st.binary(max_size=50), min_size=1),
    st.booleans(),
)
def test_what_goes_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], as_zip: bool
) -> None:
    folder = tmp_path_factory.mktemp("unpack")
    archive = folder / ("x.whl" if as_zip else "x.tgz")
    if as_zip:
        with zipfile.ZipFile(archive, "w") as package:
            for name, content in files.items():
                package.writestr(name, content)
    else:
        archive.write_bytes(tarball(files))
    sizes = unpack(archive, "", folder / "all", "x")
    assert sizes == {name: len(content) for name, content in files.items()}
    assert {name: (folder / "all" / name).read_bytes() for name in sizes} == files
    first = next(iter(files)).split("/")[0]
    inner = unpack(archive, first, folder / "some", "x")
    assert set(inner) == {name for name in files if name.split("/")[0] == first}


def _zip(path: Path, name: str, mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w") as package:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        package.writestr(info, "/etc/passwd")
    return path


def _tar(path: Path, name: str, kind: bytes) -> Path:
    with tarfile.open(path, "w:gz") as package:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        package.addfile(info, io.BytesIO())
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: _zip(folder / "x.whl", "data/../../evil"),
        lambda folder: _zip(folder / "x.whl", "/evil"),
        lambda folder: _zip(folder / "x.whl", "C:/evil"),
        lambda folder: _zip(folder / "x.whl", "a/./evil"),
        lambda folder: _zip(folder / "x.whl", "data/link", stat.S_IFLNK | 0o777),
        lambda folder: _tar(folder / "x.tgz", "package/../../evil", tarfile.REGTYPE),
        lambda folder: _tar(folder / "x.tgz", "package/a\\evil", tarfile.REGTYPE),
        lambda folder: _tar(folder / "x.tgz", "package/link", tarfile.SYMTYPE),
        lambda folder: _tar(folder / "x.tgz", "package/link", tarfile.LNKTYPE),
        lambda folder: _tar(folder / "x.tgz", "package/pipe", tarfile.FIFOTYPE),
    ],
)
def test_nothing_leaves_the_folder(tmp_path: Path, make: object) -> None:
    archive = make(tmp_path)  # type: ignore[operator]
    with pytest.raises(FetchError, match="unsafe archive"):
        unpack(archive, "", tmp_path / "a" / "b", "pip:x==1")
    assert not list(tmp_path.rglob("evil"))


def test_a_link_that_is_not_wanted_does_no_harm(tmp_path: Path) -> None:
    archive = tmp_path / "x.whl"
    _zip(archive, "other/link", stat.S_IFLNK | 0o777)
    with zipfile.ZipFile(archive, "a") as package:
        package.writestr("data/x", "1")
    assert unpack(archive, "data", tmp_path / "out", "x") == {"data/x": 1}


@pytest.mark.parametrize("suffix", ["whl", "tgz"])
def test_a_bomb_is_refused(tmp_path: Path, suffix: str) -> None:
    content = bytes(80 << 20)
    archive = tmp_path / f"x.{suffix}"
    if suffix == "tgz":
        archive.write_bytes(tarball({"zeros": content}))
    else:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
            package.writestr("zeros", content)
    with pytest.raises(FetchError, match="more than 100 times its size"):
        unpack(archive, "", tmp_path / "out", "x")


@pytest.mark.parametrize("suffix", ["whl", "tgz"])
@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.9])
def test_a_cut_archive_is_one_clear_line(tmp_path: Path, suffix: str, keep: float) -> None:
    whole = tarball({"x": bytes(range(256)) * 200})
    if suffix == "whl":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as package:
            package.writestr("x", bytes(range(256)) * 200)
        whole = buffer.getvalue()
    archive = tmp_path / f"x.{suffix}"
    archive.write_bytes(whole[: int(keep if keep >= 1 else keep * len(whole))])
    with pytest.raises(FetchError, match="damaged") as caught:
        unpack(archive, "", tmp_path / "out", "pip:x==1")
    assert "\n" not in str(caught.value)


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    archive = tmp_path / "x.whl"
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("x", "a" * 100)
    archive.write_bytes(archive.read_bytes().replace(b"aaaa", b"abaa", 1))
    with pytest.raises(FetchError, match="damaged"):
        unpack(archive, "", tmp_path / "out", "x")


def test_one_name_twice(tmp_path: Path) -> None:
    archive = tmp_path / "x.whl"
    with zipfile.ZipFile(archive, "w") as package, pytest.warns(UserWarning, match="Duplicate"):
        package.writestr("x", "1")
        package.writestr("x", "2")
    with pytest.raises(FetchError, match="twice"):
        unpack(archive, "", tmp_path / "out", "x")


def test_a_file_that_is_also_a_folder(tmp_path: Path) -> None:
    archive = tmp_path / "x.whl"
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("x", "1")
        package.writestr("x/y", "2")
    with pytest.raises(FetchError, match="damaged"):
        unpack(archive, "", tmp_path / "out", "x")


def test_a_wrong_path_names_the_nearest(tmp_path: Path) -> None:
    archive = tmp_path / "x.tgz"
    archive.write_bytes(tarball({"data/LEGITEXT01.json": b"1", "README.md": b""}))
    with pytest.raises(FetchError, match=r"no data/LEGITEXT02\.json .*it has .*01\.json"):
        unpack(archive, "data/LEGITEXT02.json", tmp_path / "out", "x")
