"""A real Prometheus scrapes a synthetic world: replicas go missing, the drift alert goes off."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from planner.exporters.metrics_contract import POD_READY
from planner.exporters.prometheus_values import prometheus_values
from planner.model.manifest import Document
from tests.conformance.healthy_world import Series, changed, world
from tests.conformance.test_prometheus import rule_groups
from tests.conformance.tools import free_ports, tool
from tests.exporters.platforms import taiwan_plan

pytestmark = pytest.mark.slow


class Exporter:
    """Shows a world on a loopback port; it can be changed while it is scraped."""

    def __init__(self, found: list[Series]) -> None:
        self.found = found
        self.started_s = time.monotonic()
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = exporter.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def text(self) -> str:
        age_s = time.monotonic() - self.started_s
        return "".join(f"{s.selector} {s.value + s.per_s * age_s:g}\n" for s in self.found)


def hurried(groups: list[Document]) -> list[Document]:
    """Evaluate every second and wait for two: the waits themselves are promtool's to judge."""
    for group in groups:
        group["interval"] = "1s"
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = "2s"
    return groups


@contextmanager
def prometheus(folder: Path, port: int) -> Iterator[Callable[[str], Any]]:
    """Run Prometheus on what stands in a folder; yields what asks its API."""
    web = free_ports(1)[0]
    scrape = {
        "job_name": "world",
        "honor_labels": True,
        "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
    }
    spec = prometheus_values(taiwan_plan(), "taipei", "taipei")["prometheus"]["prometheusSpec"]
    config = {
        "global": {
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "external_labels": spec["externalLabels"],
        },
        "rule_files": ["rules.yaml"],
        "scrape_configs": [scrape],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                tool("prometheus"),
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{web}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )

        def ask(path: str) -> Any:
            with urllib.request.urlopen(f"http://127.0.0.1:{web}{path}", timeout=5) as answer:
                return json.load(answer)["data"]

        try:
            yield ask
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def firing(ask: Callable[[str], Any]) -> set[tuple[str, str, str]]:
    """Name, region and service of each alert that fires; nothing while the server starts."""
    try:
        found = ask("/api/v1/alerts")["alerts"]
    except OSError:
        return set()
    return {
        (a["labels"]["alertname"], a["labels"].get("region", ""), a["labels"].get("service", ""))
        for a in found
        if a["state"] == "firing"
    }


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.3)
    return true()


def replicas_in_tokyo(ask: Callable[[str], Any]) -> str:
    """Return what the server counts, empty until it does."""
    query = 'service:replicas:ready{region="tokyo",service="api"}'
    try:
        found = ask(f"/api/v1/query?query={urllib.parse.quote(query)}")["result"]
    except OSError:
        return ""
    return str(found[0]["value"][1]) if found else ""


def test_the_drift_alert_goes_off_when_replicas_go_missing_and_ends_when_they_are_back(tmp_path):
    plan = taiwan_plan()
    healthy = world(plan)
    exporter = Exporter(healthy)
    groups = hurried(rule_groups(plan))
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    alert = ("ReplicasBelowPlan", "tokyo", "api")
    planned = str(plan.services["api"].replicas["tokyo"])
    try:
        with prometheus(tmp_path, exporter.port) as ask:
            assert wait_until(lambda: replicas_in_tokyo(ask) == planned, 60), (
                tmp_path / "log"
            ).read_text()[-2000:]
            time.sleep(4)
            assert not {one for one in firing(ask) if one[0].startswith("Replicas")}
            lost = {"region": "tokyo", "pod": "api-0"}
            exporter.found = changed(healthy, POD_READY, {"value": 0.0}, **lost)
            assert wait_until(lambda: alert in firing(ask), 40)
            drift = {one for one in firing(ask) if one[0].startswith("Replicas")}
            assert drift == {alert}
            exporter.found = healthy
            assert wait_until(lambda: alert not in firing(ask), 40)
            for group in ask("/api/v1/rules")["groups"]:
                bad = [rule for rule in group["rules"] if rule["health"] == "err"]
                assert not bad, bad[0]["lastError"]
    finally:
        exporter.server.shutdown()
        exporter.server.server_close()


def test_the_judge_does_not_see_drift_where_the_rule_names_another_series(tmp_path):
    plan = taiwan_plan()
    lost = {"region": "tokyo", "pod": "api-0"}
    exporter = Exporter(changed(world(plan), POD_READY, {"value": 0.0}, **lost))
    groups = hurried(rule_groups(plan))
    for group in groups:
        for rule in group["rules"]:
            rule["expr"] = rule["expr"].replace("plan:replicas:fewest", "plan:replicas:fewes")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    try:
        with prometheus(tmp_path, exporter.port) as ask:
            assert wait_until(lambda: replicas_in_tokyo(ask) != "", 60)
            time.sleep(6)
            assert ("ReplicasBelowPlan", "tokyo", "api") not in firing(ask)
    finally:
        exporter.server.shutdown()
        exporter.server.server_close()
