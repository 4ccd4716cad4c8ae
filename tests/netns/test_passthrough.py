# SPDX-License-Identifier: GPL-2.0-or-later
"""What is not for a configured service is the kernel's business, and the director leaves it so."""

import contextlib
import socket

import pytest
from scapy.layers.inet import ICMP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest
from scapy.layers.l2 import ARP

from capture import Capture, source, to
from forwarding import two_armed
from load import fetch

pytestmark = pytest.mark.parametrize("mode", ["auto", "generic"])


@pytest.fixture
def serving(topology, director, family):
    director.add_service(family, "nat", topology.servers)
    return director


@contextlib.contextmanager
def greeter(space, family, port):
    """A TCP service that greets, as sshd does."""
    version = socket.AF_INET if family.version == 4 else socket.AF_INET6
    with space.socket(version, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", port))
        listener.listen()
        yield listener


def greeting(client, family, listener, address):
    version = socket.AF_INET if family.version == 4 else socket.AF_INET6
    with client.socket(version, socket.SOCK_STREAM) as stream:
        stream.settimeout(5)
        listener.settimeout(5)
        stream.connect((address, listener.getsockname()[1]))
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(b"welcome\n")
        return stream.recv(100)


def ping(space, family, address, count=3, size=56):
    """Echo requests one after the other; returns when the last is answered."""
    version, protocol = ((socket.AF_INET, socket.IPPROTO_ICMP) if family.version == 4
                         else (socket.AF_INET6, socket.IPPROTO_ICMPV6))
    with space.socket(version, socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(2)
        for number in range(count):
            data = number.to_bytes(2, "big") * (size // 2)
            request = (ICMP(id=77, seq=number) if family.version == 4
                       else ICMPv6EchoRequest(id=77, seq=number)) / data
            sock.sendto(bytes(request), (address, 0))
            while not answers(sock.recv(65536), family, request.seq, data):
                pass


def answers(received, family, number, data):
    if family.version == 4:
        reply = ICMP(received[20:])
        return reply.type == 0 and reply.seq == number and bytes(reply.payload) == data
    reply = ICMPv6EchoReply(received)
    return reply.type == 129 and reply.seq == number and reply.data == data


def test_the_vip_answers_ping(topology, serving, client, family):
    for address in (family.vip, family.gateway):
        ping(client, family, address)


def test_another_port_of_the_vip_is_the_directors_own(topology, serving, client, family):
    with greeter(topology.director, family, 22) as listener:
        for address in (family.vip, family.gateway):
            assert greeting(client, family, listener, address) == b"welcome\n"
            assert not serving.connections(family.endpoint(address, 22))


def test_arp_for_a_vip_on_the_interface_is_answered(topology, director, client, mode, ipv4):
    topology.director.ip("address add 198.51.100.80/24 dev eth0")
    director.add_service(ipv4, "nat", topology.servers, vip="198.51.100.80")
    with Capture(client) as wire:
        assert fetch(client, ipv4, 3, vip="198.51.100.80") == ["rs3", "rs2", "rs1"]
        answers = wire.select(lambda packet: ARP in packet and packet[ARP].op == 2
                              and packet[ARP].psrc == "198.51.100.80", outgoing=False)
    assert answers and answers[0].packet[ARP].hwsrc == topology.director.mac("eth0")


@two_armed
def test_the_director_routes_what_is_not_for_the_vip(topology, serving, client, family):
    server = topology.servers[0].address(family)
    client.ip(f"route add {server}/{family.host_bits} via {family.gateway}")
    try:
        assert fetch(client, family, 2, vip=server) == ["rs1"] * 2
    finally:
        client.ip(f"route del {server}/{family.host_bits} via {family.gateway}")
    assert not serving.connections(family.endpoint(server, 80))


@two_armed
def test_vrrp_reaches_the_directors_own_programs(topology, serving, client, family):
    group = "224.0.0.18" if family.version == 4 else "ff02::12"
    version = socket.AF_INET if family.version == 4 else socket.AF_INET6
    with topology.director.socket(version, socket.SOCK_RAW, 112) as heard, \
            client.socket(version, socket.SOCK_RAW, 112) as speaker:
        with topology.director.entered():
            index = socket.if_nametoindex("eth0")
        if family.version == 4:
            member = socket.inet_aton(group) + socket.inet_aton(family.gateway)
            heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            speaker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                               socket.inet_aton(family.client))
        else:
            member = socket.inet_pton(version, group) + index.to_bytes(4, "little")
            heard.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
            with client.entered():
                speaker.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
                                   socket.if_nametoindex("eth0"))
        heard.settimeout(5)
        speaker.sendto(b"advertisement", (group, 0))
        assert heard.recv(200).endswith(b"advertisement")


@two_armed
def test_what_is_passed_is_passed_unchanged(topology, serving, client, family):
    with Capture(client) as wire, Capture(topology.director) as near:
        ping(client, family, family.vip, size=1000)
        sent = wire.select(to(family.vip), outgoing=True)
        passed = near.select(lambda packet: to(family.vip)(packet)
                             and source(family.client)(packet), outgoing=False)
    assert len(sent) == 3 and [frame.data for frame in sent] == [frame.data for frame in passed]
