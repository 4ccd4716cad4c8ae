# SPDX-License-Identifier: GPL-2.0-or-later
"""Several forwarding methods in one service, several services on one director."""

from director import METHOD_WORD
from forwarding import NEWEST_FIRST, two_armed
from load import echo, fetch
from topology import V4

METHODS = ("nat", "dr", "tun")


def test_each_destination_has_its_own_method(topology, director, client, family):
    service = director.add_service(family, "nat", [])
    for server, method in zip(topology.servers, METHODS):
        server.prepare(method, family)
        if method == "nat":
            server.reply_through_director()
        director.add_dest(service, family, server, method, 80)
    assert fetch(client, family, 6) == NEWEST_FIRST * 2
    words = {dest.forward for dest in director.destinations(service).values()}
    assert words == {METHOD_WORD[method] for method in METHODS}


@two_armed
def test_services_of_both_families_and_protocols_at_once(topology, director, client, echoes, ipv4,
                                                         ipv6):
    for family in (ipv4, ipv6):
        director.add_service(family, "nat", topology.servers)
        director.add_service(family, "nat", topology.servers, port=7, protocol="u")
    for family in (ipv4, ipv6):
        assert fetch(client, family, 3) == NEWEST_FIRST
        assert echo(client, family, 3) == NEWEST_FIRST


@two_armed
def test_two_vips_keep_their_turns_and_counters_apart(topology, director, client, ipv4):
    other = topology.with_own_vip(V4)
    first = director.add_service(ipv4, "nat", topology.servers)
    second = director.add_service(other, "nat", topology.servers[:2])
    assert fetch(client, ipv4, 3) == NEWEST_FIRST
    assert fetch(client, other, 4) == ["rs2", "rs1"] * 2
    stats = director.stats()
    assert (stats[first, None].conns, stats[second, None].conns) == (3, 4)
