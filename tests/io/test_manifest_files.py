"""Manifests on disk: whole or not at all, and never at the cost of the user's own files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from planner.io.files import write_bytes, write_bytes_atomically
from planner.io.manifests import INDEX, render, stale_manifests, write_manifests
from planner.model.manifest import Manifest


def manifest(path: str, content: str = "text\n", *, executable: bool = False) -> Manifest:
    return Manifest(PurePosixPath(path), content, executable)


def files_in(folder: Path) -> dict[str, str]:
    """All files but the index."""
    return {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != INDEX
    }


def test_documents_and_text_are_written(tmp_path: Path) -> None:
    documents = Manifest(PurePosixPath("a/b.yaml"), ({"kind": "A"}, {"kind": "B"}))
    write_manifests([documents, manifest("run.sh", "#!/bin/sh\n", executable=True)], tmp_path)
    assert files_in(tmp_path) == {
        "a/b.yaml": "---\nkind: A\n---\nkind: B\n",
        "run.sh": "#!/bin/sh\n",
    }
    assert os.access(tmp_path / "run.sh", os.X_OK)
    assert not os.access(tmp_path / "a" / "b.yaml", os.X_OK)


def test_the_same_manifests_give_the_same_bytes(tmp_path: Path) -> None:
    manifests = [manifest("b"), manifest("a")]
    write_manifests(manifests, tmp_path / "one")
    write_manifests(reversed(manifests), tmp_path / "two")
    write_manifests(manifests, tmp_path / "two")
    one, two = ((tmp_path / name / INDEX).read_bytes() for name in ("one", "two"))
    assert one == two
    assert one.splitlines()[0].endswith(b"  a")


def test_sha256sum_understands_the_index(tmp_path: Path) -> None:
    write_manifests([manifest("a/b"), manifest("c")], tmp_path)
    check = ["sha256sum", "--check", "--strict", "--quiet", INDEX]
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 0


def test_left_over_files_of_an_earlier_export_go_and_the_users_stay(tmp_path: Path) -> None:
    write_manifests([manifest("old/a"), manifest("old/b"), manifest("c")], tmp_path)
    (tmp_path / "old" / "b").write_text("edited", encoding="utf-8")
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    write_manifests([manifest("c", "new\n")], tmp_path)
    assert files_in(tmp_path) == {"c": "new\n", "mine": "mine", "old/b": "edited"}
    write_manifests([manifest("d")], tmp_path)
    assert files_in(tmp_path) == {"d": "text\n", "mine": "mine", "old/b": "edited"}


def test_empty_folders_go_with_their_last_file(tmp_path: Path) -> None:
    write_manifests([manifest("x/y/z"), manifest("x/w")], tmp_path)
    write_manifests([manifest("x/w")], tmp_path)
    assert not (tmp_path / "x" / "y").exists()
    assert (tmp_path / "x").is_dir()


def test_some_targets_can_be_exported_beside_the_others(tmp_path: Path) -> None:
    write_manifests([manifest("kubefed/a")], tmp_path)
    write_manifests([manifest("dns/b")], tmp_path, prune=False)
    assert set(files_in(tmp_path)) == {"kubefed/a", "dns/b"}
    write_manifests([manifest("dns/b")], tmp_path)
    assert set(files_in(tmp_path)) == {"dns/b"}


def test_a_file_of_the_users_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"planner did not write: README\.md"):
        write_manifests([manifest("a"), manifest("README.md")], tmp_path)
    assert files_in(tmp_path) == {"README.md": "mine"}


def test_a_file_with_the_same_bytes_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text\n", encoding="utf-8")
    write_manifests([manifest("a")], tmp_path)
    write_manifests([manifest("a", "new\n")], tmp_path)
    assert files_in(tmp_path) == {"a": "new\n"}


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (inside / "dns").symlink_to(outside)
    with pytest.raises(FileExistsError, match="through a link"):
        write_manifests([manifest("dns/a")], inside)
    assert files_in(outside) == {}


def test_an_index_that_points_elsewhere_removes_nothing(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    write_manifests([manifest("a")], folder)
    victim.write_text("text\n", encoding="utf-8")
    digest = (folder / INDEX).read_text(encoding="utf-8")[:64]
    (folder / INDEX).write_text(
        f"{digest}  ../victim\n{digest}  {victim}\nrubbish\n", encoding="utf-8"
    )
    write_manifests([manifest("a")], folder)
    assert victim.exists()


@pytest.mark.parametrize(
    "paths", [("a", "a"), ("a", "A"), ("a", "a/b"), (INDEX,), (".planner-stage/a",), (".",)]
)
def test_paths_that_collide_are_refused(paths: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`manifests` must not have"):
        write_manifests([manifest(path) for path in paths], tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_stale_files_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    write_manifests([manifest(path) for path in ("same", "old", "run")], tmp_path)
    before = files_in(tmp_path)
    wanted = [manifest("same"), manifest("new"), manifest("run", executable=True)]
    assert stale_manifests(wanted, tmp_path) == [
        "new: missing",
        "old: no longer in the plan",
        "run: not executable",
    ]
    assert stale_manifests([manifest("same", "x")], tmp_path, prune=False) == ["same: differs"]
    assert files_in(tmp_path) == before
    write_manifests(wanted, tmp_path)
    assert stale_manifests(wanted, tmp_path) == []
    assert stale_manifests([], tmp_path / "none") == []


KILLED = """
import os, sys
from pathlib import Path, PurePosixPath
from planner.io import manifests
from planner.model.manifest import Manifest

left, replace = int(sys.argv[2]), Path.replace
def dying(self, target):
    global left
    if left == 0:
        os._exit(9)
    left -= 1
    return replace(self, target)
Path.replace = dying
names = ["a", "b/c", "new"]
manifests.write_manifests([Manifest(PurePosixPath(n), "new " * 1000) for n in names], sys.argv[1])
os._exit(0)
"""


def test_a_killed_run_leaves_whole_files_and_the_next_one_mends_them(tmp_path: Path) -> None:
    """Killed at every rename in turn: each file is the old or the new one, whole."""
    new = dict.fromkeys(("a", "b/c", "new"), "new " * 1000)
    codes = []
    for renames in range(6):
        folder = tmp_path / str(renames)
        write_manifests([manifest("a", "old"), manifest("b/c", "old"), manifest("gone")], folder)
        command = [sys.executable, "-c", KILLED, str(folder), str(renames)]
        codes.append(subprocess.run(command, check=False).returncode)
        left = {n: t for n, t in files_in(folder).items() if not n.startswith(".")}
        assert set(left.values()) <= {"old", "text\n", "new " * 1000}
        assert {"a", "b/c"} <= set(left)
        write_manifests([manifest(name, text) for name, text in new.items()], folder)
        assert files_in(folder) == new
    assert codes == [9, 9, 9, 9, 9, 0]


def test_one_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "plan.yaml"
    write_bytes_atomically(target, b"one")
    write_bytes_atomically(target, b"two", executable=True)
    assert target.read_bytes() == b"two"
    assert os.access(target, os.X_OK)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_bytes_atomically(tmp_path / "folder", b"x")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["deep", "folder"]
    assert [file.name for file in target.parent.iterdir()] == ["plan.yaml"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_with_the_file() -> None:
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        write_bytes(Path("/dev/full"), b"x" * 10)


def test_text_is_rendered_as_it_stands() -> None:
    assert render(manifest("a", "臺北\r\n")) == "臺北\r\n".encode()
