"""Values of every chart: a misspelt one is found, so the tables judge; that there is none otherwise
stands beside each exporter's own tests.
"""

from __future__ import annotations

import pytest

from planner.exporters.helmfile import RELEASES, releases, values_of
from planner.exporters.versions import COMPONENTS
from tests.conformance.schemas import unknown_values
from tests.exporters.variants import PLANS, documents_of, exported

pytestmark = pytest.mark.slow


def test_a_misspelt_value_is_found_in_every_chart() -> None:
    judged = set()
    for mode in PLANS:
        plan, manifests = exported(mode)
        by_path = {str(manifest.path): document for manifest, document in documents_of(manifests)}
        for release, cluster in releases(plan):
            chart = str(COMPONENTS[release.component].chart)
            content = by_path[values_of(plan, release, cluster)[0]]
            first = next(iter(content))
            assert first not in unknown_values(chart, content)
            assert f"{first}z" in unknown_values(chart, {f"{first}z": content[first]})
            judged.add(chart)
    assert judged == {str(COMPONENTS[release.component].chart) for release in RELEASES}
