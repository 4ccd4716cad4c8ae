# SPDX-License-Identifier: GPL-2.0-or-later
"""Many clients at once: nobody is refused, nobody is forgotten, the turns stay fair."""

import re
from collections import Counter

import pytest

from forwarding import two_armed
from load import Load, curl
from topology import V4

REQUESTS = 3000
PARALLEL = 100

pytestmark = two_armed
methods = pytest.mark.parametrize("method", ["nat", "dr", "tun"])


@methods
def test_a_hundred_parallel_clients_and_no_failure(topology, director, client, family, method):
    service = director.add_service(family, method, topology.servers)
    url = f"http://{family.endpoint(family.vip, 80)}/"
    answers = curl(client, "--globoff" if family.version == 6 else "--no-progress-meter",
                   "-H", "Connection: close", "--parallel", "--parallel-immediate",
                   "--parallel-max", PARALLEL, *[url] * REQUESTS, seconds=60)
    assert Counter(answers) == {f"rs{n}": REQUESTS // 3 for n in (1, 2, 3)}
    assert director.stats()[service, None].conns == REQUESTS


@methods
def test_a_hundred_open_connections_carry_a_steady_load(topology, director, client, method):
    director.add_service(V4, method, topology.servers)
    report = client.run("wrk", "-t2", "-c", PARALLEL, "-d2s", f"http://{V4.vip}/").stdout
    assert "Socket errors" not in report and "Non-2xx" not in report, report
    assert int(re.search(r"(\d+) requests in", report)[1]) > PARALLEL


def test_connection_numbers_are_exact_with_clients_on_both_processors(topology, director, client):
    service = director.add_service(V4, "nat", topology.servers)
    with Load(client, V4.vip, threads=16) as load:
        load.wait_more(2000)
    assert not load.failed
    held = sum(dest.active + dest.inactive for dest in director.destinations(service).values())
    assert held == len(load.requests) == len(director.connections())
    assert director.stats()[service, None].conns == len(load.requests)
