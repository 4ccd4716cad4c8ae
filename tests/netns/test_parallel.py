# SPDX-License-Identifier: GPL-2.0-or-later
"""Many clients at once: nobody is refused, nobody is forgotten, the turns stay fair."""

import re
from collections import Counter

import pytest

from forwarding import two_armed
from load import Load

REQUESTS = 1500
PARALLEL = 100

pytestmark = two_armed
methods = pytest.mark.parametrize("method", ["nat", "dr", "tun"])


@methods
def test_a_hundred_clients_at_once_are_served_in_turn_and_counted_exactly(
        topology, director, client, family, method):
    service = director.add_service(family, method, topology.servers)
    with Load(client, family.vip, threads=PARALLEL) as load:
        load.wait_more(REQUESTS, seconds=40)
    assert not load.failed
    shares = Counter(request.server for request in load.requests)
    assert len(shares) == 3 and max(shares.values()) - min(shares.values()) <= 1, shares
    held = sum(dest.active + dest.inactive for dest in director.destinations(service).values())
    assert held == len(load.requests) == len(director.connections(service))
    assert director.stats()[service, None].conns == len(load.requests)


@methods
def test_a_hundred_open_connections_carry_a_steady_load(topology, director, client, ipv4, method):
    director.add_service(ipv4, method, topology.servers)
    report = client.run("wrk", "-t2", "-c", PARALLEL, "-d1s", f"http://{ipv4.vip}/").stdout
    assert "Socket errors" not in report and "Non-2xx" not in report, report
    assert int(re.search(r"(\d+) requests in", report)[1]) > PARALLEL
