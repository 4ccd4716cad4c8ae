# SPDX-License-Identifier: GPL-2.0-or-later
"""FULLNAT between address families: clients of one, servers of the other."""

import pytest

from forwarding import NEWEST_FIRST, assert_all_outlives_the_daemon, two_armed
from load import echo, fetch
from topology import V4, V6


@pytest.fixture
def server_family(family):
    return V6 if family == V4 else V4


def serve(topology, director, family, server_family, port=80, dest_port=80, protocol="t"):
    service = director.add_service(family, "fullnat", [], port=port, protocol=protocol)
    for server in topology.servers:
        director.add_dest(service, server_family, server, "fullnat", dest_port, protocol=protocol)
    return service


def test_pages_come_from_servers_of_the_other_family(topology, director, client, family,
                                                     server_family):
    service = serve(topology, director, family, server_family)
    assert fetch(client, family, 3) == NEWEST_FIRST
    for server in topology.servers:
        (seen, *_), = server.wait_requests(1)
        assert seen == server_family.dip
    listed = director.ipvsadm("-Lcn")
    for server in topology.servers:
        assert server_family.endpoint(server.address(server_family), 80) in listed
    stats = director.stats()
    assert stats[service, None].conns == 3


@two_armed
def test_datagrams_go_to_servers_of_the_other_family(topology, director, client, family,
                                                     server_family, echoes):
    serve(topology, director, family, server_family, 53, 7007, "u")
    assert echo(client, family, 3, port=53) == NEWEST_FIRST


@two_armed
def test_sessions_outlive_the_daemon_from_local_addresses_of_both_families(
        topology, director, client, family, server_family):
    server = topology.servers[0]
    service = director.add_service(family, "fullnat", [])
    director.add_dest(service, server_family, server, "fullnat", 80)
    for other in (V6, V4):
        address = f"{other.server_base}201"
        director.namespace.ip(f"address replace {address}/{other.host_bits} dev lo")
        server.ip(f"route replace {address}/{other.host_bits} via {other.dip}")
        director.ipvsadm(f"-P -t {service} -z {address}")
    assert_all_outlives_the_daemon(director, client, family)
    fetch(client, family, 1)
    assert server.wait_requests(4)[-1][0] == f"{server_family.server_base}201"
