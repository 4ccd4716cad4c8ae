# SPDX-License-Identifier: GPL-2.0-or-later
"""ICMP errors between clients, director and servers, as their own stacks make and understand them."""

import contextlib
import functools
import socket

import pytest

from capture import Capture, is_ip, l3
from forwarding import two_armed
from load import curl, echo
from namespace import link
from servers import LARGE_BYTES
from topology import FAMILIES
from wait import until

pytestmark = two_armed

TUNNEL_BYTES = {("nat", 4): 0, ("nat", 6): 0, ("tun", 4): 20, ("tun", 6): 40}
IP_MTU, IPV6_MTU = 14, 24   # socket options
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER = 10, 23
PMTUDISC_DO, PMTUDISC_PROBE = 2, 3  # the latter also believes no MTU but the link's


def connected(client, family, port, discover=PMTUDISC_DO):
    """A UDP socket that hears of errors and lets nothing be fragmented."""
    v6 = family.version == 6
    sock = client.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP,
                    IPV6_MTU_DISCOVER if v6 else IP_MTU_DISCOVER, discover)
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


ROUTED = {4: ("203.0.113.241", "203.0.113.242", 28), 6: ("2001:db8:77::1", "2001:db8:77::2", 64)}
TUNNELS = {"ipip": ("", 0), "gue": ("--tun-type gue --tun-port 6080 --tun-nocsum", 12),
           "gre": ("--tun-type gre --tun-csum", 8)}


@functools.cache
def behind_a_router(topology):
    """A namespace of which the last link before it carries 1400 bytes."""
    router, server = topology.add("router"), topology.add("far")
    topology.attach(router, "eth0", "servers",
                    *(f"{family.server(90)}/{family.bits}" for family in FAMILIES))
    link(router, "eth1", server, "eth0")
    router.ip("link set eth1 mtu 1400")
    server.ip("link set eth0 mtu 1400")
    router.sysctl("net.ipv4.ip_forward", 1)
    router.sysctl("net.ipv6.conf.all.forwarding", 1)
    for family in FAMILIES:
        near, address, bits = ROUTED[family.version]
        router.ip(f"address add {near}/{bits} dev eth1")
        server.ip(f"address add {address}/{bits} dev eth0", f"route add default via {near}")
        topology.director.ip(f"route add {address} via {family.server(90)}")
    return server


@pytest.mark.parametrize("tunnel", TUNNELS)
def test_the_client_learns_the_mtu_of_a_path_that_a_router_told_the_director(topology, director,
                                                                             client, family, tunnel):
    words, shim = TUNNELS[tunnel]
    behind_a_router(topology)
    _, address, _ = ROUTED[family.version]
    director.ipvsadm(f"-A -u {family.endpoint(family.vip, 7)} -s rr")
    director.ipvsadm(f"-a -u {family.endpoint(family.vip, 7)} "
                     f"-r {family.endpoint(address, 7)} -i {words}")
    mtu = 1400 - (20 if family.version == 4 else 40) - shim
    with connected(client, family, 7) as sock:
        def learnt():
            with contextlib.suppress(OSError):
                sock.send(bytes(1400))
            return path_mtu(sock, family) <= mtu
        until("the router's error to reach the client", learnt)
        assert path_mtu(sock, family) == mtu
    told = director.drops()["too_big"]
    with connected(client, family, 7, PMTUDISC_PROBE) as sock:
        def asked():
            sock.send(bytes(1400))
            return director.drops()["too_big"] > told
        until("the director to know it itself", asked)
