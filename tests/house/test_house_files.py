"""Files are written whole or not at all."""

import os

import pytest

from evoact.files import write_all, write_atomically


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_appears_whole_and_readable_for_others(tmp_path, durable):
    path = tmp_path / "new" / "file"
    write_atomically(path, b"old", durable=durable)
    write_atomically(path, b"new", durable=durable)
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["file"]
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_atomically(tmp_path / "taken", b"data")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_files_are_on_the_disk_before_they_have_their_names(tmp_path, monkeypatch):
    done, sync, name = [], os.fsync, os.replace

    def synced(descriptor):
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    def named(old, new):
        done.append(str(new))
        name(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", named)
    files = {"a": b"1", "b": b"22", "c": b"333"}
    write_all(tmp_path, files, durable=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files
    assert all(path.endswith(".tmp") for path in done[:3])
    assert done[3:] == [*(str(tmp_path / name) for name in files), str(tmp_path)]


def test_of_files_that_cannot_all_be_written_none_is(tmp_path):
    with pytest.raises(TypeError):
        write_all(tmp_path, {"a": b"1", "b": None}, durable=True)
    assert not list(tmp_path.iterdir())
