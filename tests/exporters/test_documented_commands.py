"""What the documents tell people to apply is there, and has one field manager."""

import posixpath
import re
from pathlib import PurePosixPath

import pytest

from planner.exporters import TARGETS, naming
from tests.exporters.variants import PLANS

CLUSTERS = ("taiwan-master", "singapore-edge", "tokyo-edge", "losangeles-edge")
APPLIED = re.compile(r"kubectl [^`\n|]*apply --server-side[^`\n|]* -([kf]) ([^\s`]+)")


def documents(plan):
    """Return every file of the export, both controllers', and its documents."""
    files = {str(m.path): m for export in TARGETS.values() for m in export(plan)}
    return files, {p: m.content for p, m in files.items() if p.endswith(".md")}


def places(document, named, ending):
    """Return where a path may lead: from the document's folder, or from the export's first."""
    starts = [PurePosixPath(document).parent, PurePosixPath()]
    paths = {named.replace("CLUSTER", cluster) for cluster in CLUSTERS}
    return {posixpath.normpath(start / (path + ending)) for start in starts for path in paths}


@pytest.mark.parametrize("name", ["kubefed", "karmada, rollouts, moving", "mirrored storage"])
def test_what_is_applied_is_there_and_has_one_manager(name):
    files, texts = documents(PLANS[name]())
    seen = 0
    for document, text in texts.items():
        for match in APPLIED.finditer(text):
            option, named = match.groups()
            if named == "-":
                continue
            seen += 1
            assert f"--field-manager={naming.MANAGER}" in match.group(), (document, match.group())
            ending = "/kustomization.yaml" if option == "k" else ""
            assert places(document, named, ending) & set(files), (document, match.group())
    assert seen > 20


@pytest.mark.parametrize("name", ["kubefed", "karmada, rollouts, moving", "mirrored storage"])
def test_every_folder_of_the_first_table_is_there(name):
    files, texts = documents(PLANS[name]())
    folders = re.findall(r"^\| \d .*? \| .*? \| `(.*?)` \|", texts["README.md"], re.MULTILINE)
    assert len(folders) > 15
    for folder in folders:
        paths = {folder.replace("<cluster>", cluster) for cluster in CLUSTERS}
        assert any(file.startswith(f"{path}/") for path in paths for file in files), folder
