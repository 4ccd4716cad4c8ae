# SPDX-License-Identifier: GPL-2.0-or-later
"""UDP: one state, a timeout that every datagram renews, and the same server while it lasts."""

import socket

import pytest

from forwarding import NEWEST_FIRST, two_armed
from load import echo
from wait import until

pytestmark = two_armed
methods = pytest.mark.parametrize("method", ["nat", "dr", "tun"])


@methods
def test_datagrams_of_one_port_stay_on_one_server(topology, director, client, family, echoes,
                                                  method):
    service = director.add_service(family, method, topology.servers, port=7, protocol="u")
    version = socket.AF_INET if family.version == 4 else socket.AF_INET6
    with client.socket(version, socket.SOCK_DGRAM) as sock:
        assert echo(client, family, 5, sock=sock) == ["rs3"] * 5
    (connection,) = director.connections(service)
    assert (connection.protocol, connection.state) == ("UDP", "UDP")
    assert 295 <= connection.seconds <= 300


def test_datagrams_count_as_inactive(topology, director, client, ipv4, echoes):
    service = director.add_service(ipv4, "nat", topology.servers, port=7, protocol="u")
    echo(client, ipv4, 6)
    listed = director.destinations(service)
    assert [(dest.active, dest.inactive) for dest in listed.values()] == [(0, 2)] * 3


def test_a_connection_ends_when_its_time_is_over(topology, director, client, ipv4, echoes):
    service = director.add_service(ipv4, "nat", topology.servers, port=7, protocol="u")
    director.ipvsadm("--set 0 0 2")
    assert echo(client, ipv4, 3) == NEWEST_FIRST
    until("the connections to end", lambda: not director.connections(service), seconds=8)
    until("the destinations to be idle", lambda: not any(
        dest.active or dest.inactive for dest in director.destinations(service).values()))


def test_a_datagram_as_large_as_the_link_carries(topology, director, client, ipv4, echoes):
    director.add_service(ipv4, "nat", topology.servers, port=7, protocol="u")
    with client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.connect((ipv4.vip, 7))
        sent = bytes(range(256)) * 5 + bytes(188)
        sock.send(sent)
        assert sock.recv(65536) == b"rs3:" + sent
