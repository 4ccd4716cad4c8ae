# SPDX-License-Identifier: GPL-2.0-or-later
"""What only IPv6 has. That each method carries it is tested with the methods."""

import socket

from capture import Capture, l3, to
from forwarding import two_armed
from load import fetch

pytestmark = two_armed


def test_neighbour_discovery_reaches_the_director(topology, director, client, ipv6):
    director.add_service(ipv6, "nat", topology.servers)
    topology.director.ip("address add 2001:db8:100::80/64 dev eth0 nodad")
    director.add_service(ipv6, "nat", topology.servers, vip="2001:db8:100::80")
    assert fetch(client, ipv6, 3, vip="2001:db8:100::80") == ["rs3", "rs2", "rs1"]
    client.ip("neighbour flush dev eth0")
    assert fetch(client, ipv6, 1, vip="2001:db8:100::80") == ["rs3"]


def test_flow_label_and_traffic_class_survive_nat(topology, director, client, echoes, ipv6):
    director.add_service(ipv6, "nat", topology.servers[:1], port=7, protocol="u")
    server = topology.servers[0]
    with client.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0x2c)
        sock.connect((ipv6.vip, 7))
        with Capture(client) as wire, Capture(server) as far:
            sock.send(b"marked")
            assert sock.recv(100) == b"rs1:marked"
            (sent,) = wire.select(to(ipv6.vip, 7), outgoing=True)
            (arrived,) = far.select(to(server.address(ipv6), 7), outgoing=False)
    sent, arrived = l3(sent.packet), l3(arrived.packet)
    assert (arrived.tc, arrived.fl) == (sent.tc, sent.fl) == (0x2c, sent.fl)
