"""Manifests out: rendered, compared, written as a whole.

The export folder holds an index, ``.planner-index``, with the digest of every file that the
toolkit wrote there.  By it a later export knows which files are its own: only those are
overwritten or, when the plan no longer has them, removed; and a file that was edited by hand since
is kept.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from planner.io.documents import dump_documents
from planner.io.files import write_bytes
from planner.model.manifest import Manifest

INDEX = ".planner-index"
STAGE = ".planner-stage"
_INDEX_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def render(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest's file: YAML in a stable form, or the text as it stands."""
    content = manifest.content
    text = content if isinstance(content, str) else dump_documents(*content)
    return text.encode()


def write_manifests(
    manifests: Iterable[Manifest], folder: str | os.PathLike[str], *, prune: bool = True
) -> None:
    """Write manifests below a folder: all rendered and staged first, then renamed into place.

    Parameters
    ----------
    manifests : iterable of Manifest
        What is to stand there; no two with the same path.
    folder : path-like or str
        The export folder; made where it is missing.
    prune : bool
        Whether files of an earlier export that are not among `manifests` are removed, unless they
        were edited since. Without it a part of the targets can be exported into the folder of all.

    Raises
    ------
    ValueError
        If two manifests have the same path, or one's path is a folder of another's.
    FileExistsError
        If a file stands in the way that the toolkit did not write; nothing is written then.
    OSError
        If the folder cannot be written to.

    Notes
    -----
    A run that is killed while it renders or stages leaves the folder as it was; one that is killed
    while it renames leaves a mixture of whole old and whole new files, which the next run mends.
    Not meant for two runs on one folder at the same time.
    """
    root = Path(folder)
    files = _rendered(manifests)
    root.mkdir(parents=True, exist_ok=True)
    old = _read_index(root)
    _refuse_foreign(root, files, old)
    new = {path: (hashlib.sha256(data).hexdigest(),) for path, (data, _) in files.items()}
    stage = root / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    try:
        _stage(stage, files)
        # Old and new at once: whatever a kill leaves behind is known to be ours.
        _write_index(root, [*old.items(), *new.items()])
        for path in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).replace(root / path)
        others = {path: digests for path, digests in old.items() if path not in new}
        if prune:
            _remove(root, others)
        _write_index(root, [*([] if prune else others.items()), *new.items()])
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def stale_manifests(
    manifests: Iterable[Manifest], folder: str | os.PathLike[str], *, prune: bool = True
) -> list[str]:
    """Say what `write_manifests` would change; writes nothing.

    Parameters
    ----------
    manifests, folder, prune
        As for `write_manifests`.

    Returns
    -------
    list of str
        One sentence a file, ``path: what differs``, sorted by path; empty where all stands.
    """
    root = Path(folder)
    files = _rendered(manifests)
    sentences = [
        f"{path}: {difference}"
        for path, (data, executable) in files.items()
        if (difference := _difference(root / path, data, executable))
    ]
    if prune:
        left = (path for path in _read_index(root) if path not in files)
        sentences += [f"{path}: no longer in the plan" for path in left if (root / path).is_file()]
    return sorted(sentences)


def _rendered(manifests: Iterable[Manifest]) -> dict[str, tuple[bytes, bool]]:
    """Return path to bytes and executable bit; refuse paths that collide."""
    files: dict[str, tuple[bytes, bool]] = {}
    seen: set[str] = set()
    for manifest in manifests:
        path = str(manifest.path)
        if path.casefold() in seen:
            raise ValueError(f"`manifests` must not have the path {path} twice")
        if path in (".", INDEX) or STAGE in manifest.path.parts or "\n" in path:
            raise ValueError(f"`manifests` must not have the path {path!r}")
        seen.add(path.casefold())
        files[path] = (render(manifest), manifest.executable)
    for path in files:
        for parent in PurePosixPath(path).parents:
            if str(parent).casefold() in seen:
                raise ValueError(f"`manifests` must not have {parent} as file and as folder")
    return files


def _difference(path: Path, data: bytes, executable: bool) -> str:
    """Say how a file differs from what it should be; empty text where it does not."""
    try:
        if not path.is_file():
            return "missing"
        if path.read_bytes() != data:
            return "differs"
        return "" if os.access(path, os.X_OK) or not executable else "not executable"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _refuse_foreign(
    root: Path, files: dict[str, tuple[bytes, bool]], old: dict[str, tuple[str, ...]]
) -> None:
    """Refuse to overwrite what the toolkit did not write, and to leave the folder by a link."""
    foreign = []
    for path, (data, _) in files.items():
        target = root / path
        if not target.parent.resolve().is_relative_to(root.resolve()):
            raise FileExistsError(f"{target} would be written outside {root} through a link")
        if target.is_dir() or (
            target.exists() and path not in old and _difference(target, data, False)
        ):
            foreign.append(path)
    if foreign:
        names = ", ".join(foreign[:5]) + (f" and {len(foreign) - 5} more" if foreign[5:] else "")
        raise FileExistsError(
            f"{root} holds files that planner did not write: {names}; "
            "move them away or choose another folder"
        )


def _stage(stage: Path, files: dict[str, tuple[bytes, bool]]) -> None:
    """Write every file below the staging folder."""
    stage.mkdir()
    for path, (data, executable) in files.items():
        (stage / path).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(stage / path, data, executable=executable)


def _remove(root: Path, gone: dict[str, tuple[str, ...]]) -> None:
    """Remove files of an earlier export that are as it wrote them, and folders left empty."""
    for path, digests in gone.items():
        file = root / path
        if not file.parent.resolve().is_relative_to(root.resolve()) or file.is_symlink():
            continue
        if file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() in digests:
            file.unlink()
            with suppress(OSError):
                for parent in PurePosixPath(path).parents[:-1]:
                    (root / parent).rmdir()


def _read_index(root: Path) -> dict[str, tuple[str, ...]]:
    """Return path to the digests that the toolkit may have written there."""
    try:
        lines = (root / INDEX).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    known: dict[str, tuple[str, ...]] = {}
    for match in filter(None, map(_INDEX_LINE.fullmatch, lines)):
        path = PurePosixPath(match.group(2))
        if not path.is_absolute() and ".." not in path.parts and str(path) != INDEX:
            known[str(path)] = (*known.get(str(path), ()), match.group(1))
    return known


def _write_index(root: Path, entries: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Write the index: one digest and path a line, sorted, as ``sha256sum`` does."""
    lines = {f"{sha}  {path}" for path, digests in entries for sha in digests}
    text = "".join(f"{line}\n" for line in sorted(lines, key=lambda line: (line[66:], line)))
    write_bytes(root / STAGE / INDEX, text.encode())
    (root / STAGE / INDEX).replace(root / INDEX)
