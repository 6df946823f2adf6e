"""Names and addresses of regions as DNS records hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_address

from planner.errors import UnfaithfulExport
from planner.model.scenario import Scenario


def cluster_name(scenario: Scenario, cluster: str) -> str:
    """Return the DNS name of one cluster, by which it is reached past all steering."""
    return f"{cluster}.{scenario.dns.zone}"


def refuse_shared_names(names: Mapping[str, Iterable[str]]) -> None:
    """Refuse DNS names that more than one would write: a name has one kind of policy.

    Parameters
    ----------
    names : mapping of str to iterable of str
        Who writes to the names that it writes.

    Raises
    ------
    UnfaithfulExport
        With all that are shared, and by whom.

    Examples
    --------
    >>> refuse_shared_names({"host 'a.com'": ["a.com", "split-1.a.com"], "host 'b.com'": ["b.com"]})
    """
    writers: dict[str, list[str]] = {}
    for writer, own in names.items():
        for name in dict.fromkeys(own):
            writers.setdefault(name, []).append(writer)
    shared = {name: found for name, found in sorted(writers.items()) if len(found) > 1}
    if shared:
        lines = [f"  '{name}': {' and '.join(found)}" for name, found in shared.items()]
        said = "DNS names that more than one host or cluster would write; rename one of them:"
        raise UnfaithfulExport("\n".join([said, *lines]))


def records(scenario: Scenario, region: str) -> tuple[tuple[str, str], ...]:
    """Return the type and value of each address record of a region.

    Parameters
    ----------
    scenario : Scenario
        Knows the region's `ingress_addresses`.
    region : str
        Region id.

    Returns
    -------
    tuple of (str, str)
        ``("A", "192.0.2.1")`` and ``("AAAA", "2001:db8::1")``, in the scenario's order.

    Raises
    ------
    UnfaithfulExport
        If an address is none, or has a zone index (``%eth0``), which means nothing to others.
    """
    return tuple(_record(text, region) for text in scenario.regions[region].ingress_addresses)


def _record(text: str, region: str) -> tuple[str, str]:
    """Read one address; what is written is the parsed address, never the text."""
    try:
        address = ip_address(text)
    except ValueError:
        raise UnfaithfulExport(f"region '{region}': {text!r} is no IP address") from None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise UnfaithfulExport(f"region '{region}': {text!r} must not have a zone index")
        return "AAAA", address.compressed
    return "A", address.compressed
