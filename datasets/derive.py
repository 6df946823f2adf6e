"""Derive the toolkit's compact tables from the collected source tables.

Run from the repository's root::

    python datasets/derive.py --shared ../shared/data

Only rows and columns that the toolkit uses are kept, under its own column names with units. Same
input, same bytes. Sources, dates, licences and credit lines are in SOURCES.md beside this file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from planner.geo import fibre_floor_ms, great_circle_km
from planner.units import FIBRE_RTT_MS_PER_KM

MANY_USERS = 50e6  # people; above this a country is several cities, not one point
CITIES_PER_COUNTRY = 6
ONE_CITY_KM = 100.0  # cities closer than this are one point
METRO_KM = 70.0
PINGS, MATRIX, COVERAGE = "wonder2020", "cloudping2024", "bitio2023"
PRICED_TYPES = (
    *(f"e2-standard-{size}" for size in (4, 8, 16)),
    *(f"n2-standard-{size}" for size in (4, 8, 16, 32, 64, 128)),
)
PRICE_REGIONS = (
    *("asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3"),
    *("asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2"),
    *("australia-southeast1", "australia-southeast2", "us-west1", "us-west2", "us-central1"),
    *("us-east4", "us-south1", "northamerica-northeast2", "southamerica-east1", "europe-west2"),
    *("europe-west3", "europe-west4", "europe-west9", "me-central1", "africa-south1"),
)
# The second tier is dearer than the first in the source: not to be trusted.
EGRESS_DISTRUSTED = ("asia-northeast1", "asia-northeast2", "asia-northeast3")
# Ours: the cables' landings joined to the metros behind them, where the source has sea only.
LAND_SEGMENTS = (("SEA", "USW"), ("USW", "SFO"), ("SFO", "LAX"), ("TYO", "OSA"), ("HKG", "SZX"))
LAND_DETOUR = 1.3  # length of a land route over the great circle
PLANNED = ("echo", "bifrost", "apricot", "tpu")


class Sources:
    """The source tables, read so that Namibia stays `NA`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str, *numeric: str) -> pd.DataFrame:
        """Read one table as text and make the named columns numeric."""
        table = pd.read_csv(self.folder / name, dtype=str, keep_default_na=False)
        for column in numeric:
            table[column] = pd.to_numeric(table[column].replace("", np.nan))
        return table


def users_by_country(sources: Sources) -> pd.DataFrame:
    """Countries with a point, a population and internet users, by code."""
    numbers = ("lat", "lon", "largest_city_lat", "largest_city_lon", "population")
    table = sources.read("countries.csv", *numbers, "internet_users_share", "utc_offset_hours")
    known = table.internet_users_share.notna() & (table.population > 0) & table.lat.notna()
    table = table[known].sort_values("iso2").reset_index(drop=True)
    table["users"] = (table.population * table.internet_users_share).round(-3).astype(int)
    return table[table.users > 0].reset_index(drop=True)


def origins(countries: pd.DataFrame) -> pd.DataFrame:
    """One row a country: who lives there and where the label stands."""
    return pd.DataFrame(
        {
            "country": countries.iso2,
            "name": countries.name,
            "continent": countries.continent,
            "latitude_deg": countries.lat.round(2),
            "longitude_deg": countries.lon.round(2),
            "population": countries.population.astype(int),
            "internet_users": countries.users,
            "users_year": countries.year,
            "utc_offset_h": countries.utc_offset_hours,
        }
    )


def population_points(group: pd.DataFrame) -> pd.DataFrame:
    """Largest cities of one country with the population nearest to each as weight."""
    group = group.sort_values(["population", "geonameid"], ascending=[False, True])
    centres: list[int] = []
    lat, lon = group.lat.to_numpy(), group.lon.to_numpy()
    for row in range(len(group)):
        away = great_circle_km(lat[row], lon[row], lat[centres], lon[centres])
        if not centres or away.min() > ONE_CITY_KM:
            centres.append(row)
    people = group.population.to_numpy()

    def caught(chosen: list[int]) -> np.ndarray:
        away = great_circle_km(lat[:, None], lon[:, None], lat[chosen], lon[chosen])
        return np.bincount(away.argmin(axis=1), weights=people, minlength=len(chosen))

    order = np.argsort(-caught(centres), kind="stable")[:CITIES_PER_COUNTRY]
    chosen = [centres[index] for index in order]
    points = group.iloc[chosen].copy()
    points["weight"] = caught(chosen) / people.sum()
    return points


def cities(sources: Sources, countries: pd.DataFrame) -> pd.DataFrame:
    """Where the users of each country are: its largest city, or several for a large country."""
    table = sources.read("cities_300k.csv", "lat", "lon", "population")
    rows = []
    for country in countries.itertuples():
        own = table[table.iso2 == country.iso2]
        if country.users > MANY_USERS and len(own):
            points = population_points(own)
            found = zip(
                points.name, points.lat, points.lon, points.weight, points.geonameid, strict=True
            )
            rows += [(country.iso2, *point) for point in found]
        else:
            place = (country.largest_city, country.largest_city_lat, country.largest_city_lon)
            rows.append((country.iso2, *place, 1.0, ""))
    columns = ["country", "city", "latitude_deg", "longitude_deg", "weight_share", "geoname"]
    result = pd.DataFrame(rows, columns=columns)
    result[["latitude_deg", "longitude_deg"]] = result[["latitude_deg", "longitude_deg"]].round(2)
    result["weight_share"] = whole_shares(result)
    return result


def whole_shares(points: pd.DataFrame) -> pd.Series:
    """Weights to three digits that still sum to one in each country."""
    rounded = points.weight_share.round(3)
    first = points.country.ne(points.country.shift())
    missing = 1.0 - rounded.groupby(points.country).transform("sum")
    return (rounded + missing.where(first, 0.0)).round(3)


def sites(sources: Sources, points: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Every place that another table names, and the source's id of each."""
    table = sources.read("sites.csv", "lat", "lon")
    probes = table[(table.kind == "city-probe") & (table.quality == "ok")]
    probes = probes.sort_values(["iso2", "name"]).assign(kind="probe")
    number = probes.groupby("iso2").cumcount() + 1
    probes["site"] = probes.iso2.str.lower() + number.astype(str)
    matrix = set(sources.read("latency_aws_regions.csv").src)
    clouds = table[table.id.isin(matrix) | (table.provider == "GCP")].sort_values("id")
    clouds = clouds.assign(kind="cloud", site=clouds.id, name=clouds.city)
    metros = sources.read("metros.csv", "lat", "lon").sort_values("metro")
    metros = metros.assign(kind="metro", site=metros.metro, id=metros.metro, iso2="")
    west = {"metro": "USW", "site": "USW", "id": "USW", "name": "Oregon coast", "kind": "metro"}
    west_coast = pd.DataFrame([{**west, "lat": 45.2, "lon": -123.96, "iso2": "US"}])
    people = population_sites(points)
    every = pd.concat([probes, clouds, metros, west_coast, people], ignore_index=True)
    continent = sources.read("countries.csv").set_index("iso2").continent
    nearest = nearest_country(every, pd.concat([probes, people]))
    every["iso2"] = every.iso2.where(every.iso2 != "", nearest)
    result = pd.DataFrame(
        {
            "site": every.site,
            "kind": every.kind,
            "name": every.name,
            "country": every.iso2,
            "continent": every.iso2.map(continent).fillna("Europe"),  # Kosovo
            "metro": every.metro.fillna(""),
            "latitude_deg": every.lat.round(2),
            "longitude_deg": every.lon.round(2),
        }
    )
    return result, dict(zip(every.id, every.site, strict=True))


def population_sites(points: pd.DataFrame) -> pd.DataFrame:
    """Countries and cities as ends of a measured round trip, under the source's ids."""
    number = (points.groupby("country").cumcount() + 1).astype(str)
    large = points.geoname != ""
    return pd.DataFrame(
        {
            "kind": np.where(large, "city", "country"),
            "site": np.where(large, points.country + number, points.country),
            "id": np.where(large, "geoname:" + points.geoname, "country:" + points.country),
            "name": points.city,
            "iso2": points.country,
            "lat": points.latitude_deg,
            "lon": points.longitude_deg,
            "metro": "",
        }
    )


def nearest_country(places: pd.DataFrame, known: pd.DataFrame) -> pd.Series:
    """Country of the nearest place whose country is known."""
    away = great_circle_km(
        places.lat.to_numpy()[:, None],
        places.lon.to_numpy()[:, None],
        known.lat.to_numpy(),
        known.lon.to_numpy(),
    )
    return pd.Series(known.iso2.to_numpy()[away.argmin(axis=1)], index=places.index)


def undirected(pairs: pd.DataFrame, source: str, statistic: str) -> pd.DataFrame:
    """One row a pair: the lesser of two directions of a minimum, else their mean."""
    swap = pairs.from_site > pairs.to_site
    low = pairs.from_site.where(~swap, pairs.to_site)
    high = pairs.to_site.where(~swap, pairs.from_site)
    pairs = pairs.assign(from_site=low, to_site=high)
    how = {"rtt_ms": "min" if statistic == "min" else "mean", "jitter_ms": "mean"}
    one = pairs.groupby(["from_site", "to_site"], as_index=False).agg(how)
    return one.assign(source=source, statistic=statistic)


def wide(table: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """One row a directed pair of known sites, one column a statistic."""
    table = table.assign(from_site=table.src.map(names), to_site=table.dst.map(names))
    table = table[(table.from_site != table.to_site)].dropna(subset=["from_site", "to_site"])
    index = ["from_site", "to_site"]
    return table.pivot_table(index=index, columns="stat", values="rtt_ms").reset_index()


def rtt(sources: Sources, names: dict[str, str]) -> pd.DataFrame:
    """All measured round trips between sites that the toolkit knows."""
    pings = wide(sources.read("latency_city_pings.csv.gz", "rtt_ms"), names)
    pings = pings.rename(columns={"min": "rtt_ms", "mdev": "jitter_ms"})
    matrix = wide(sources.read("latency_aws_regions.csv", "rtt_ms"), names)
    spread = (matrix.p90 - matrix.p10) / 2.563  # of a normal distribution
    matrix = matrix.assign(rtt_ms=matrix.p50, jitter_ms=spread)
    both = [sources.read(f"latency_{kind}", "rtt_ms") for kind in COVERAGE_FILES]
    coverage = wide(pd.concat(both, ignore_index=True), names)
    coverage = coverage.assign(rtt_ms=coverage.best_of_coverage, jitter_ms=np.nan)
    tables = [
        undirected(pings, PINGS, "min"),
        undirected(matrix, MATRIX, "p50"),
        undirected(coverage, COVERAGE, "best"),
    ]
    result = pd.concat(tables, ignore_index=True)
    result[["rtt_ms", "jitter_ms"]] = result[["rtt_ms", "jitter_ms"]].round(1)
    return result


COVERAGE_FILES = ("country_to_aws.csv", "city_to_aws.csv.gz")


def rtt_factors(sources: Sources) -> pd.DataFrame:
    """Derive what each source's statistic is multiplied by to give a median."""
    pings = sources.read("latency_city_pings.csv.gz", "rtt_ms")
    pings = pings.pivot_table(index=["src", "dst"], columns="stat", values="rtt_ms")
    ratio = (pings.avg / pings["min"]).median()
    coverage = coverage_ratio(sources)
    rows = [
        (PINGS, "min", round(float(ratio), 3), PING_BASIS.format(ratio, len(pings))),
        (MATRIX, "p50", 1.0, "is a median"),
        (COVERAGE, "best", round(1 / coverage.median(), 2), COVERAGE_BASIS.format(coverage)),
    ]
    return pd.DataFrame(rows, columns=["source", "statistic", "to_median_factor", "basis"])


PING_BASIS = (
    "median of mean over minimum, {:.4f}, over {:,} directed pairs; the median lies between. "
    "Against the medians of the other source on the same metro pairs: 1.01 (p10 0.90, p90 1.26)"
)
COVERAGE_BASIS = (
    "one over the median of best case over the region matrix's p50, {0.size} pairs of a region and "
    "the largest city within 50 km of another region, values 11 to 149 ms"
)


def coverage_ratio(sources: Sources) -> pd.Series:
    """Best case from the city at a region, over that region's own median."""
    matrix = sources.read("latency_aws_regions.csv", "rtt_ms")
    median = matrix[matrix.stat == "p50"].set_index(["src", "dst"]).rtt_ms
    best = sources.read("latency_city_to_aws.csv.gz", "rtt_ms")
    best = best[best.rtt_ms.between(11, 149)].set_index(["src", "dst"]).rtt_ms
    towns = sources.read("cities_300k.csv", "lat", "lon", "population")
    places = sources.read("sites.csv", "lat", "lon").set_index("id")
    ratios = []
    for region in sorted(set(matrix.src)):
        here = places.loc[region]
        away = great_circle_km(here.lat, here.lon, towns.lat, towns.lon)
        near = towns[away < 50].sort_values("population", ascending=False)
        if len(near):
            city = "geoname:" + near.geonameid.iloc[0]
            both = best.loc[[city]].droplevel(0) if city in best.index.levels[0] else best[:0]
            ratios += [value / median[region, other] for other, value in both.items()]
    return pd.Series(ratios)


def rtt_lines(places: pd.DataFrame, trips: pd.DataFrame) -> pd.DataFrame:
    """Least absolute deviations line of RTT on distance for each pair of continents."""
    known = places.set_index("site")
    pairs = trips[trips.source == PINGS]
    a, b = known.loc[pairs.from_site], known.loc[pairs.to_site]
    distance = great_circle_km(
        *(a[column].to_numpy() for column in ("latitude_deg", "longitude_deg")),
        *(b[column].to_numpy() for column in ("latitude_deg", "longitude_deg")),
    )
    ends = np.sort(np.stack([a.continent.to_numpy(), b.continent.to_numpy()]).astype(str), axis=0)
    frame = pd.DataFrame({"a": ends[0], "b": ends[1], "km": distance})
    frame["rtt"], frame["jitter"] = pairs.rtt_ms.to_numpy(), pairs.jitter_ms.to_numpy()
    far, near = frame[frame.km >= 100], frame[frame.km < METRO_KM]
    rows = [("same metro", "same metro", *level(near))]
    rows.append(("any", "any", *line(far)))
    rows += [(*key, *line(group)) for key, group in far.groupby(["a", "b"]) if len(group) >= 30]
    numbers = ["intercept_ms", "slope_ms_per_km", "jitter_ms", "pairs", "median_error_share"]
    return pd.DataFrame(rows, columns=["continent_a", "continent_b", *numbers])


def level(pairs: pd.DataFrame) -> tuple[float, float, float, int, float]:
    """Median of one class, without a slope: inside a metro distance says nothing."""
    middle = float(pairs.rtt.median())
    error = float((np.abs(pairs.rtt - middle) / pairs.rtt).median())
    return (
        round(middle, 1),
        0.0,
        round(float(pairs.jitter.median()), 1),
        len(pairs),
        round(error, 3),
    )


def line(pairs: pd.DataFrame) -> tuple[float, float, float, int, float]:
    """Intercept, slope, jitter, count and median relative error of one class."""
    design = np.stack([np.ones(len(pairs)), pairs.km.to_numpy()], axis=1)
    target, weight = pairs.rtt.to_numpy(), np.ones(len(pairs))
    for _ in range(200):
        scaled = design * weight[:, None]
        beta = np.linalg.solve(scaled.T @ design, scaled.T @ target)
        weight = 1 / np.maximum(np.abs(target - design @ beta), 0.05)
    if beta[1] < FIBRE_RTT_MS_PER_KM or beta[0] < 0:  # would break the floor where extrapolated
        beta = bounded(pairs, beta)
    fitted = np.maximum(design @ beta, fibre_floor_ms(pairs.km))
    error = float(np.median(np.abs(fitted - target) / np.maximum(target, 0.1)))
    jitter = round(float(pairs.jitter.median()), 1)
    return round(beta[0], 1), round(beta[1], 4), jitter, len(pairs), round(error, 3)


def bounded(pairs: pd.DataFrame, beta: np.ndarray) -> np.ndarray:
    """Fit the line again with no negative intercept and no slope faster than light in fibre."""
    if beta[1] < FIBRE_RTT_MS_PER_KM:
        slope = FIBRE_RTT_MS_PER_KM
        return np.array([float((pairs.rtt - slope * pairs.km).median()), slope])
    return np.array([0.0, float((pairs.rtt / pairs.km).median())])


def server_types(sources: Sources) -> pd.DataFrame:
    """Machines of the running example and the cloud types that have a price."""
    own = sources.read("server_types.csv", "threads_total", "memory_gib", "nic_gbps")
    own = own.set_index("server_type")
    rows = [
        own_server("dual-gold-6348", own.loc["seed-dual-gold-6348"], "n2-standard-128", SEED),
        own_server("edge-16c", own.loc["edge-single-32t"], "n2-standard-32", EDGE),
        own_server("edge-32c", own.loc["edge-single-64t"], "n2-standard-64", EDGE),
    ]
    shapes = sources.read("prices_gcp_compute.csv", "vcpu", "memory_gib")
    shapes = shapes.drop_duplicates("instance").set_index("instance")
    for name in PRICED_TYPES:
        cores, memory = float(shapes.vcpu[name]), float(shapes.memory_gib[name])
        rows.append((name, "cloud", cores, memory, np.nan, "network disk", name, 1.0, CLOUD))
    columns = ["server_type", "kind", "capacity_cpu_cores", "capacity_memory_gib", "nic_gbps"]
    columns += ["storage", "comparable_cloud_type", "comparable_share", "basis"]
    result = pd.DataFrame(rows, columns=columns)
    cores, memory = result.capacity_cpu_cores, result.capacity_memory_gib
    result.insert(4, "cpu_cores", (cores - reserved_cores(cores)).round(2))
    result.insert(5, "memory_gib", (memory - reserved_gib(memory)).round(1))
    return result


SEED = (
    "the report's main server (it says 32c/64t; the part has 28 cores, 56 threads a socket); price "
    "is the comparable cloud type's times comparable_share"
)
EDGE = "ours: generic single-socket edge server; price as above"
CLOUD = "shape from the price list"


def own_server(
    name: str, row: pd.Series, like: str, basis: str
) -> tuple[str, str, float, float, float, str, str, float, str]:
    """One machine of ours, with the cloud type that stands in for its price."""
    threads, memory = float(row.threads_total), float(row.memory_gib)
    share = round(threads / float(like.rsplit("-", 1)[1]), 3)
    storage = f"2 x {float(row.nvme_raw_tb) / 2:g} TB NVMe RAID 1"
    return (name, "server", threads, memory, row.nic_gbps, storage, like, share, basis)


def reserved_cores(cores: pd.Series) -> pd.Series:
    """GKE's published reservation: 6 %, 1 %, 2 × 0.5 % of the first cores, 0.25 % above."""
    return 0.06 + 0.01 + 0.01 + 0.0025 * (cores - 4)


def reserved_gib(memory: pd.Series) -> pd.Series:
    """GKE's published reservation by slices of memory, plus 100 MiB before eviction."""
    total = 0.1 + 0.0 * memory
    for low, high, share in ((0, 4, 0.25), (4, 8, 0.2), (8, 16, 0.1), (16, 128, 0.06)):
        total += share * (memory.clip(upper=high) - low).clip(lower=0)
    return total + 0.02 * (memory - 128).clip(lower=0)


def prices(sources: Sources) -> pd.DataFrame:
    """List prices of the regions that stand in for places of ours."""
    compute = sources.read("prices_gcp_compute.csv", *PRICE_COLUMNS)
    keep = compute.region.isin(PRICE_REGIONS) & compute.instance.isin(PRICED_TYPES)
    compute = compute[keep].sort_values(["region", "instance"])
    terms = []
    for term, column in zip(("on demand", "1 year", "3 years"), PRICE_COLUMNS, strict=True):
        terms.append(price_rows(compute, "instance", term, "server month", compute[column]))
    egress = sources.read("prices_gcp_egress.csv", "usd_per_gib")
    keep = egress.src_region.isin(PRICE_REGIONS) & (egress.destination == "worldwide")
    egress = egress[keep & ~egress.src_region.isin(EGRESS_DISTRUSTED)]
    egress = egress.rename(columns={"src_region": "region"}).assign(item="egress")
    tier = egress.tier_tib_per_month.map({"0-1": "0-1 TiB", "1-10": "1-10 TiB", "10n": "10+ TiB"})
    terms.append(price_rows(egress, "item", tier, "GiB", egress.usd_per_gib))
    result = pd.concat(terms, ignore_index=True)
    return result.sort_values(["price_region", "item", "term"]).reset_index(drop=True)


PRICE_COLUMNS = ("month_usd", "month_1y_commit_usd", "month_3y_commit_usd")


def price_rows(
    table: pd.DataFrame, item: str, term: str | pd.Series, unit: str, price: pd.Series
) -> pd.DataFrame:
    """Rows of the long price table."""
    columns = {"price_region": table.region, "item": table[item], "term": term, "unit": unit}
    return pd.DataFrame({**columns, "price_usd": price.round(3)})


def cable_segments(sources: Sources, places: pd.DataFrame) -> pd.DataFrame:
    """Segments between metros on schematic routes, with the corridors that they share."""
    table = sources.read("cable_segments_schematic.csv", "est_length_km")
    status = np.where(table.cable_id.isin(PLANNED), "planned", "in service")
    sea = pd.DataFrame({"cable": table.cable_id, "from_metro": table.from_metro})
    sea["to_metro"], sea["corridors"], sea["status"] = table.to_metro, table.corridors, status
    land = pd.DataFrame(LAND_SEGMENTS, columns=["from_metro", "to_metro"])
    land = land.assign(cable="land", corridors="", status="assumed")
    result = pd.concat([sea, land], ignore_index=True)
    straight = metro_distance_km(result, places)
    routed = np.append(table.est_length_km, LAND_DETOUR * straight[len(table) :])
    # A landing far from its metro (Fangshan from Taipei) leaves land haul that the route omits.
    length = np.ceil(np.maximum(routed, straight) / 10).astype(int) * 10
    name = result.cable + "-" + result.from_metro + "-" + result.to_metro
    result.insert(0, "segment", name.str.lower())
    result.insert(4, "length_km", length)
    result.insert(5, "rtt_floor_ms", fibre_floor_ms(length).round(1))
    return result


def metro_distance_km(pairs: pd.DataFrame, places: pd.DataFrame) -> np.ndarray:
    """Great circle between the metros of each row."""
    metros = places[places.kind == "metro"].set_index("site")
    a, b = metros.loc[pairs.from_metro], metros.loc[pairs.to_metro]
    ends = [end[axis].to_numpy() for end in (a, b) for axis in ("latitude_deg", "longitude_deg")]
    return great_circle_km(*ends)


def corridors(sources: Sources) -> pd.DataFrame:
    """List what fails together under the sea, with the multi-cable events on record."""
    table = sources.read("cable_corridors.csv", "lat_min", "lat_max", "lon_min", "lon_max")
    events = sources.read("cable_fault_events.csv").groupby("corridor").date
    result = pd.DataFrame(
        {
            "corridor": table.corridor,
            "name": table.name,
            "hazards": table.hazards,
            "south_deg": table.lat_min,
            "north_deg": table.lat_max,
            "west_deg": table.lon_min,
            "east_deg": table.lon_max,
        }
    )
    result["multi_cable_events"] = result.corridor.map(events.size()).fillna(0).astype(int)
    result["event_dates"] = result.corridor.map(events.agg(" ".join)).fillna("")
    return result


def diurnal(sources: Sources) -> pd.DataFrame:
    """Load by hour of local time over the mean of its day."""
    table = sources.read("diurnal_profiles.csv", "hour", "relative_load")
    names = {"twitter_10tickers_2015_us_eastern": "posts", "nyc_taxi_2014_local": "rides"}
    table = table[table.profile.isin(names)]
    curves = {}
    for day in ("weekday", "weekend"):
        own = table[table.day_type == day].pivot_table(
            index="hour", columns="profile", values="relative_load"
        )
        own = own.rename(columns=names) / own.rename(columns=names).mean()
        curves[day] = own.mean(axis=1)
        curves |= {f"{day}-{name}": own[name] for name in ("posts", "rides")}
    frame = pd.DataFrame(curves).rename_axis("local_hour").round(4)
    long = frame.melt(ignore_index=False, var_name="curve", value_name="relative_load")
    return long.reset_index()[["curve", "local_hour", "relative_load"]]


def derive(shared: Path) -> dict[str, pd.DataFrame]:
    """Build every table, by file name."""
    sources = Sources(shared)
    countries = users_by_country(sources)
    points = cities(sources, countries)
    places, names = sites(sources, points)
    trips = rtt(sources, names)
    return {
        "origins.csv": origins(countries),
        "cities.csv": points.drop(columns="geoname"),
        "sites.csv": places,
        "rtt.csv": trips,
        "rtt_factors.csv": rtt_factors(sources),
        "rtt_lines.csv": rtt_lines(places, trips),
        "server_types.csv": server_types(sources),
        "prices.csv": prices(sources),
        "cable_segments.csv": cable_segments(sources, places),
        "corridors.csv": corridors(sources),
        "diurnal.csv": diurnal(sources),
    }


def main() -> None:
    """Write the tables beside this file, or where `--output` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder of the source tables")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    for name, table in derive(arguments.shared).items():
        path = arguments.output / name
        path.write_text(table.to_csv(index=False, lineterminator="\n"), encoding="utf-8")
        print(f"{name:20} {len(table):6} rows {path.stat().st_size:9,} bytes")


if __name__ == "__main__":
    main()
