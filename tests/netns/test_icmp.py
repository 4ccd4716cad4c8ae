# SPDX-License-Identifier: GPL-2.0-or-later
"""ICMP errors between clients, director and servers, as their own stacks make and understand them."""

import contextlib
import socket

import pytest

from capture import Capture, is_ip, l3
from forwarding import two_armed
from load import curl, echo
from servers import LARGE_BYTES
from wait import until

pytestmark = two_armed

TUNNEL_BYTES = {("nat", 4): 0, ("nat", 6): 0, ("tun", 4): 20, ("tun", 6): 40}
IP_MTU, IPV6_MTU = 14, 24   # socket options
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 23, 2


def connected(client, family, port):
    """A UDP socket that hears of errors and lets nothing be fragmented."""
    v6 = family.version == 6
    sock = client.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP,
                    IPV6_MTU_DISCOVER if v6 else IP_MTU_DISCOVER, PMTUDISC_DO)
    sock.settimeout(5)
    sock.connect((family.vip, port))
    return sock


def path_mtu(sock, family):
    v6 = family.version == 6
    return sock.getsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP,
                           IPV6_MTU if v6 else IP_MTU)


def test_a_port_the_server_does_not_serve_is_refused_in_the_name_of_the_vip(topology, director,
                                                                            client, family):
    director.add_service(family, "nat", topology.servers[:1], port=5353, protocol="u")
    with connected(client, family, 5353) as sock, Capture(client) as wire:
        sock.send(b"question")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(100)
        told = wire.wait("the error", lambda packet: is_ip(packet) and packet.haslayer("ICMP")
                         or packet.haslayer("ICMPv6DestUnreach"), outgoing=False)
        assert l3(told[0].packet).src == family.vip


@pytest.mark.parametrize("method", ["nat", "tun"])
def test_the_client_learns_the_mtu_of_the_way_to_the_server(topology, director, client, family,
                                                            method, echoes):
    director.add_service(family, method, topology.servers[:1], port=7, protocol="u")
    topology.director.ip("link set eth1 mtu 1400")
    try:
        assert echo(client, family) == ["rs1"]
        with connected(client, family, 7) as sock:
            def learnt():
                with contextlib.suppress(OSError):  # EMSGSIZE: it is known already
                    sock.send(bytes(1400))
                return path_mtu(sock, family) < 1500
            until("the error to reach the client", learnt)
            assert path_mtu(sock, family) == 1400 - TUNNEL_BYTES[method, family.version]
    finally:
        topology.director.ip("link set eth1 mtu 1500")


def test_a_server_learns_the_mtu_of_the_way_to_the_client(topology, director, client, family):
    director.add_service(family, "nat", topology.servers[:1])
    before = director.drops()["too_big"]
    topology.director.ip("link set eth0 mtu 1300")
    try:
        url = f"http://{family.endpoint(family.vip, 80)}/large"
        done = curl(client, "-o", "/dev/null", "-w", "%{http_code} %{size_download}\n", url)
        assert done == [f"200 {LARGE_BYTES}"]
        assert director.drops()["too_big"] > before
    finally:
        topology.director.ip("link set eth0 mtu 1500")
