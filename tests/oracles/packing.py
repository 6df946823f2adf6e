"""The guaranteed packing limit in plain loops, and the search that proves or refutes it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from planner.problem.arrays import Ints, Problem

Server = tuple[float, float, float]
"""Allocatable CPU, memory and pods."""


def servers_of(problem: Problem, region: int) -> list[Server]:
    """Return the servers of a region, one of each pool lost where the policy says so."""
    pools, found = problem.pools, []
    for i in range(len(pools.region)):
        if pools.region[i] == region:
            count = int(pools.servers[i]) - (1 if problem.survive_server_loss else 0)
            server = (float(pools.cpu_cores[i]), float(pools.memory_gib[i]), float(pools.pods[i]))
            found += [server] * count
    return found


def limit_holds(
    cpu: Sequence[float],
    memory: Sequence[float],
    surge: Sequence[int],
    replicas: Sequence[int],
    servers: Sequence[Server],
) -> bool:
    """Return whether the limit holds for every service that runs."""
    pods = [n + (u if n > 0 else 0) for n, u in zip(replicas, surge, strict=True)]
    return all(
        _limit_holds_for(last, cpu, memory, pods, servers)
        for last in range(len(replicas))
        if replicas[last] > 0
    )


def _limit_holds_for(
    last: int,
    cpu: Sequence[float],
    memory: Sequence[float],
    pods: Sequence[int],
    servers: Sequence[Server],
) -> bool:
    """Return whether a pod of `last` finds room after all others."""
    free = []
    for server_cpu, server_memory, server_pods in servers:
        f = max(server_cpu - cpu[last], min(cpu)) if server_cpu >= cpu[last] else 0.0
        g = max(server_memory - memory[last], min(memory)) if server_memory >= memory[last] else 0.0
        free.append((f, g, server_pods))
    most = [max((each[i] for each in free), default=0.0) for i in range(3)]
    if min(most) <= 0:
        return False
    room = sum(min(each[i] / most[i] for i in range(3)) for each in free)
    if room <= 0:
        return False
    weight = [c / most[0] + m / most[1] + 1 / most[2] for c, m in zip(cpu, memory, strict=True)]
    used = sum(p * w for p, w in zip(pods, weight, strict=True)) - weight[last]
    return used <= room + 1e-9


def region_fits(problem: Problem, region: int, replicas: Sequence[int]) -> bool:
    """Return whether the replicas of all services keep the limit asked for in one region."""
    if problem.packing == "at_best":
        return region_packs(problem, region, replicas)
    return limit_holds(
        problem.cpu_cores.tolist(),
        problem.memory_gib.tolist(),
        problem.surge_replicas.tolist(),
        replicas,
        servers_of(problem, region),
    )


def fits(problem: Problem, replicas: Ints) -> bool:
    """Return whether the replicas, shape (S, R), keep the limit in every region."""
    return all(
        region_fits(problem, region, replicas[:, region].tolist())
        for region in range(replicas.shape[1])
    )


def region_packs(problem: Problem, region: int, replicas: Sequence[int]) -> bool:
    """Return whether some placement finds room for all pods of a region, surge included."""
    surge = problem.surge_replicas.tolist()
    pods = [n + (u if n > 0 else 0) for n, u in zip(replicas, surge, strict=True)]
    sizes = [_whole((c, m, 1)) for c, m in zip(problem.cpu_cores, problem.memory_gib, strict=True)]
    return all_fit(sizes, pods, [_whole(server) for server in servers_of(problem, region)])


def _whole(amounts: Server) -> tuple[int, ...]:
    """Return millicores, bytes and pods; the instances have no finer ones."""
    cpu, memory, pods = amounts
    return round(float(cpu) * 1000), round(float(memory) * 2**30), int(pods)


def all_fit(
    sizes: Sequence[Sequence[int]], pods: Sequence[int], servers: Sequence[Sequence[int]]
) -> bool:
    """Try every placement, pod by pod; servers with equal rooms left are one choice."""

    @cache
    def place(waiting: tuple[int, ...], rooms: tuple[tuple[int, ...], ...]) -> bool:
        if not any(waiting):
            return True
        service = next(s for s, count in enumerate(waiting) if count)
        rest = _changed(waiting, service, -1)
        for room in set(rooms):
            left = tuple(a - b for a, b in zip(room, sizes[service], strict=True))
            if min(left) >= 0:
                others = list(rooms)
                others.remove(room)
                if place(rest, tuple(sorted((*others, left)))):
                    return True
        return False

    return place(tuple(pods), tuple(sorted(tuple(server) for server in servers)))


def some_order_leaves_a_pod(
    cpu: Sequence[float], memory: Sequence[float], pods: Sequence[int], servers: Sequence[Server]
) -> bool:
    """Try every order of arrival and every placement; return whether any leaves a pod pending."""
    empty = tuple((0,) * len(cpu) for _ in servers)
    todo, seen = [(tuple(pods), empty)], set()
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        waiting, placed = state
        for service, count in enumerate(waiting):
            if count == 0:
                continue
            spots = [
                i
                for i, server in enumerate(servers)
                if _has_room(server, placed[i], service, cpu, memory)
            ]
            if not spots:
                return True
            rest = _changed(waiting, service, -1)
            for i in spots:
                grown = _changed(placed[i], service, 1)
                todo.append((rest, (*placed[:i], grown, *placed[i + 1 :])))
    return False


def _has_room(
    server: Server,
    placed: tuple[int, ...],
    service: int,
    cpu: Sequence[float],
    memory: Sequence[float],
) -> bool:
    """Return whether one more pod of the service fits the server."""
    counts = _changed(placed, service, 1)
    used_cpu = sum(n * c for n, c in zip(counts, cpu, strict=True))
    used_memory = sum(n * m for n, m in zip(counts, memory, strict=True))
    return used_cpu <= server[0] and used_memory <= server[1] and sum(counts) <= server[2]


def _changed(counts: tuple[int, ...], at: int, by: int) -> tuple[int, ...]:
    """Return the counts with one of them changed."""
    return (*counts[:at], counts[at] + by, *counts[at + 1 :])
