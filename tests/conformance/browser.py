"""Mermaid in a real browser: Debian's Chromium without a window, on files alone."""

from __future__ import annotations

import html
import subprocess
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.image as image
import numpy as np

from tests.conformance.tools import BUILT, missing, tool

MERMAID = BUILT / "npm" / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
WAIT_S = 120.0
WIDTH, HEIGHT = 1600, 1200
_WITHOUT = (
    "--headless",
    "--no-sandbox",  # it refuses root otherwise; it opens nothing but the test's own files
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_PAGE = """\
<!doctype html><meta charset="utf-8"><title>diagram</title>
<body style="margin: 0; background: white"><pre class="mermaid">{text}</pre>
<script src="{mermaid}"></script>
<script>
mermaid.initialize({{ startOnLoad: false, securityLevel: "strict" }});
mermaid.run().catch(() => {{}}).finally(() => {{ document.body.dataset.done = "yes"; }});
</script>
"""


@dataclass(frozen=True)
class Picture:
    """What the browser made of a diagram.

    Attributes
    ----------
    words : str
        Everything that the picture says, one space between its parts.
    width, height : float
        Size of the picture in its own units; 0 where there is none.
    inked : float
        Share of the screenshot that is not white.
    path : Path
        The screenshot.
    """

    words: str
    width: float
    height: float
    inked: float
    path: Path

    @property
    def is_error(self) -> bool:
        """Whether it is the picture with which Mermaid says that it cannot read the text."""
        return "Syntax error" in self.words


class _Svg(HTMLParser):
    """Collects the words and the size of a page's pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.box = (0.0, 0.0)
        self.done = False
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "body":
            self.done = known.get("data-done") == "yes"
        if tag in {"svg", "style"}:
            self._inside.append(tag)
        if tag == "svg" and known.get("viewbox") and self.box == (0.0, 0.0):
            width, height = (float(word) for word in str(known["viewbox"]).split()[2:])
            self.box = (width, height)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] == "svg" and data.strip():
            self.words.append(data.strip())


def draw(diagram: Path, folder: Path) -> Picture:
    """Let the browser draw a diagram as a reader's page would.

    Parameters
    ----------
    diagram : Path
        A file with the text of a diagram.
    folder : Path
        For the page, the screenshot and the browser's own profile.
    """
    if not MERMAID.exists():
        missing(f"no {MERMAID}: .ci/packages.sh installs it (npm)")
    page, shot = folder / f"{diagram.stem}.html", folder / f"{diagram.stem}.png"
    text = html.escape(diagram.read_text(encoding="utf-8"))
    page.write_text(_PAGE.format(text=text, mermaid=MERMAID.as_uri()), encoding="utf-8")
    found = _Svg()
    found.feed(_dumped(page, shot, folder / "profile"))
    assert found.done, "Mermaid did not come to an end"
    return Picture(" ".join(found.words), *found.box, _inked(shot), shot)


def _dumped(page: Path, shot: Path, profile: Path) -> str:
    """Return the page as it stands once nothing moves, and take the screenshot."""
    command = [
        tool("chromium"),
        *_WITHOUT,
        f"--user-data-dir={profile}",
        f"--window-size={WIDTH},{HEIGHT}",
        "--virtual-time-budget=60000",
        f"--screenshot={shot}",
        "--dump-dom",
        page.as_uri(),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            output, log = process.communicate(timeout=WAIT_S)
        finally:
            process.kill()  # by its own handle; its children end with it
    assert process.returncode == 0, log.decode(errors="replace")[-2000:]
    return output.decode()


def _inked(shot: Path) -> float:
    """Return the share of a screenshot that is not white."""
    pixels = image.imread(shot)[..., :3]
    return float(np.mean((pixels < 0.95).any(axis=2)))
