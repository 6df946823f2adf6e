"""A small reader of Corefiles and zone files, independent of the exporter."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath

QUERY_IDS = 65536


@dataclass
class Block:
    zone: str
    plugins: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)

    @property
    def condition(self) -> Callable[[str, int], bool] | None:
        if "view" not in self.plugins:
            return None
        (line,) = self.plugins["view"][1]
        assert line.startswith("expr ")
        text = line.removeprefix("expr ")
        left = re.sub(r"metadata\('geoip/country/code'\)|id\(\)|'[A-Z]{2}'", "", text)
        assert re.fullmatch(r"[\s\d\[\],()&|=<>]*(in[\s\d\[\],()&|=<>]*)*", left), left
        python = (
            text.replace("metadata('geoip/country/code')", "country")
            .replace("id()", "query_id")
            .replace("&&", "and")
            .replace("||", "or")
        )
        code = compile(python, "expr", "eval")
        return lambda country, query_id: eval(code, {"country": country, "query_id": query_id})

    @property
    def zone_file(self) -> str:
        arguments, _ = self.plugins["file"]
        assert arguments[1] == self.zone
        return PurePosixPath(arguments[0]).name


def read_corefile(text: str) -> list[Block]:
    blocks: list[Block] = []
    plugin: tuple[list[str], list[str]] | None = None
    depth = 0
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        opens = line.endswith(" {")
        words = line.removesuffix(" {")
        if line == "}":
            depth -= 1
            continue
        if depth == 0:
            assert opens, line
            zone, _, port = words.rpartition(":")
            assert port == "53"
            blocks.append(Block(zone))
        elif depth == 1:
            name, *arguments = words.split()
            assert name not in blocks[-1].plugins
            plugin = (arguments, [])
            blocks[-1].plugins[name] = plugin
        else:
            assert plugin is not None
            plugin[1].append(line)
        depth += opens
    assert depth == 0
    return blocks


def breakpoints(text: str) -> list[int]:
    """Query ids at which any condition may change."""
    bounds = {int(number) for number in re.findall(r"id\(\) (?:<|>=) (\d+)", text)}
    return sorted({0, QUERY_IDS, *bounds})


def answers(
    text: str, host: str, country: str, zones: dict[str, dict[str, list[str]]]
) -> dict[tuple[str, ...], float]:
    """Addresses that a country gets at a host, with the share of query ids."""
    blocks = [block for block in read_corefile(text) if block.zone == host]
    points = breakpoints(text)
    shares: dict[tuple[str, ...], float] = {}
    for start, stop in pairwise(points):
        block = next(b for b in blocks if b.condition is None or b.condition(country, start))
        records = zones[block.zone_file]
        key = tuple(records.get("A", []) + records.get("AAAA", []))
        shares[key] = shares.get(key, 0.0) + (stop - start) / QUERY_IDS
    return shares


def read_zone(text: str) -> dict[str, list[str]]:
    """Record type to values."""
    first, *lines = text.splitlines()
    assert re.fullmatch(r"\$ORIGIN [a-z0-9.-]+\.", first)
    records: dict[str, list[str]] = {}
    for line in lines:
        name, ttl, clazz, kind, *value = line.split(" ")
        assert (name, clazz) == ("@", "IN")
        assert ttl.isdigit()
        records.setdefault(kind, []).append(" ".join(value))
    assert len(records["SOA"]) == 1
    return records
