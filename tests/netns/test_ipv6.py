# SPDX-License-Identifier: GPL-2.0-or-later
"""What only IPv6 has. That each method carries it is tested with the methods."""

import socket

from capture import Capture, l3, to
from forwarding import two_armed
from load import Session, fetch
from topology import V6
from wait import until

pytestmark = two_armed


def test_neighbour_discovery_reaches_the_director(topology, director, client):
    director.add_service(V6, "nat", topology.servers)
    topology.director.ip("address add 2001:db8:100::80/64 dev eth0 nodad")
    director.add_service(V6, "nat", topology.servers, vip="2001:db8:100::80")
    assert fetch(client, V6, 3, vip="2001:db8:100::80") == ["rs3", "rs2", "rs1"]
    client.ip("neighbour flush dev eth0")
    assert fetch(client, V6, 1, vip="2001:db8:100::80") == ["rs3"]


def test_a_server_gets_another_mac_address(topology, director, client):
    server = topology.servers[0]
    director.add_service(V6, "nat", [server])
    assert fetch(client, V6, 2) == ["rs1"] * 2
    server.sysctl("net.ipv6.conf.eth0.ndisc_notify", 1)
    server.ip("link set eth0 address 02:00:00:00:00:99")

    def served():
        try:
            with Session(client, V6, timeout=1) as session:
                return session.get() == "rs1"
        except OSError:
            return False
    until("the server to be reached at its new address", served, seconds=15)


def test_flow_label_and_traffic_class_survive_nat(topology, director, client, echoes):
    director.add_service(V6, "nat", topology.servers[:1], port=7, protocol="u")
    server = topology.servers[0]
    with client.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0x2c)
        sock.connect((V6.vip, 7))
        with Capture(client) as wire, Capture(server) as far:
            sock.send(b"marked")
            assert sock.recv(100) == b"rs1:marked"
            (sent,) = wire.select(to(V6.vip, 7), outgoing=True)
            (arrived,) = far.select(to(server.address(V6), 7), outgoing=False)
    sent, arrived = l3(sent.packet), l3(arrived.packet)
    assert (arrived.tc, arrived.fl) == (sent.tc, sent.fl) == (0x2c, sent.fl)
