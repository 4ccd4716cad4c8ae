# SPDX-License-Identifier: GPL-2.0-or-later
"""Datagrams in fragments: whatever the order they come in, the server gets the whole and the client
its answer, as if nothing had been cut."""

import itertools
import os
import socket

import pytest
from scapy.layers.dns import DNS, DNSQR, DNSRROPT
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import Ether

from forwarding import two_armed
from namespace import stop_process
from wait import until

pytestmark = two_armed
methods = pytest.mark.parametrize("method", ["nat", "dr", "tun"])
PIECES = 4
IP_MTU_DISCOVER, PMTUDISC_DONT = 10, 0
PIECE_BYTES = 800
ETH_P_ALL = 3
ids = itertools.count(1)


def cut(packet, mtu=PIECE_BYTES):
    """The frames of an IP packet in fragments of at most `mtu` bytes."""
    if IP in packet:
        packet[IP].id = next(ids) & 0xffff
        return fragment(packet, fragsize=(mtu - 20) & ~7)
    header = IPv6ExtHdrFragment(id=next(ids))
    whole = packet[IPv6]
    upper = whole.payload
    whole.remove_payload()
    return fragment6(whole / header / upper, mtu)


class Wire:
    """Raw frames from a namespace to its neighbour the director, beside a socket of the stack."""

    def __init__(self, space, family, interface="eth0"):
        self.family = family
        self.version = socket.AF_INET if family.version == 4 else socket.AF_INET6
        self.ip = IP if family.version == 4 else IPv6
        self.mac = space.mac(interface)
        self.raw = space.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.raw.bind((interface, ETH_P_ALL))
        self.sock = space.socket(self.version, socket.SOCK_DGRAM)
        self.sock.settimeout(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()
        self.sock.close()

    def pieces(self, source, destination, payload, mtu=PIECE_BYTES):
        """Fragments of a datagram between (address, port) pairs."""
        return cut(self.ip(src=source[0], dst=destination[0])
                   / UDP(sport=source[1], dport=destination[1]) / payload, mtu)

    def frame(self, piece, director_mac):
        return bytes(Ether(src=self.mac, dst=director_mac,
                           type=0x0800 if self.ip is IP else 0x86DD) / piece)

    def send(self, pieces, director_mac):
        for piece in pieces:
            self.raw.send(self.frame(piece, director_mac))


def orders():
    """Every order of the fragments of a datagram."""
    return itertools.permutations(range(PIECES))


@methods
def test_requests_in_every_order(topology, director, client, family, echoes, method):
    director.add_service(family, method, topology.servers[:1], port=7, protocol="u")
    mac = topology.director.mac("eth0")
    with Wire(client, family) as wire:
        wire.sock.bind((family.client, 0))
        here = wire.sock.getsockname()[:2]
        for order in orders():
            payload = os.urandom(3000)
            pieces = wire.pieces(here, (family.vip, 7), payload)
            assert len(pieces) == PIECES
            wire.send([pieces[n] for n in order], mac)
            assert wire.sock.recv(65536) == b"rs1:" + payload, f"order {order}"


def test_replies_in_every_order(topology, director, client, family):
    server = topology.servers[0]
    director.add_service(family, "nat", topology.servers[:1], port=7, protocol="u")
    mac = topology.director.mac("eth1")
    with Wire(client, family) as wire, Wire(server, family) as far:
        far.sock.bind((server.address(family), 7))
        wire.sock.connect((family.vip, 7))
        wire.sock.send(b"question")
        data, asker = far.sock.recvfrom(100)
        assert data == b"question"
        for order in orders():
            payload = os.urandom(3000)
            pieces = far.pieces((server.address(family), 7), asker[:2], payload)
            far.send([pieces[n] for n in order], mac)
            assert wire.sock.recv(65536) == payload, f"order {order}"


def test_the_hosts_own_datagrams_arrive_in_every_order(topology, director, client, family):
    director.add_service(family, "nat", topology.servers[:1], port=7, protocol="u")
    with Wire(client, family) as wire, Wire(topology.director, family) as host:
        host.sock.bind((family.vip, 7000))
        for order in orders():
            payload = os.urandom(3000)
            pieces = wire.pieces((family.client, 9), (family.vip, 7000), payload)
            wire.send([pieces[n] for n in order], topology.director.mac("eth0"))
            assert host.sock.recv(65536) == payload, f"order {order}"


def test_what_is_left_of_a_datagram_goes_nowhere(topology, director, client, ipv4, echoes):
    """The first fragment never comes, for many datagrams; one that is whole does not suffer."""
    director.add_service(ipv4, "dr", topology.servers[:1], port=7, protocol="u")
    mac = topology.director.mac("eth0")
    with Wire(client, ipv4) as wire:
        wire.sock.bind((ipv4.client, 0))
        here = wire.sock.getsockname()[:2]
        late = wire.pieces(here, (ipv4.vip, 7), bytes(1000))[1]
        for late.id in range(20000, 21200):
            wire.send([late], mac)
        payload = os.urandom(3000)
        wire.send(wire.pieces(here, (ipv4.vip, 7), payload)[::-1], mac)
        assert wire.sock.recv(65536) == b"rs1:" + payload
        assert director.drops()["fragment_held"] >= 1200


@pytest.mark.parametrize("method", ["nat", "dr"])
def test_a_datagram_too_big_for_the_next_link_is_cut(topology, director, client, ipv4, echoes,
                                                     method):
    director.add_service(ipv4, method, topology.servers[:1], port=7, protocol="u")
    server = topology.servers[0].address(ipv4)
    topology.director.ip(f"route add {server}/32 dev eth1 mtu 1000")
    try:
        director.add_service(ipv4, method, topology.servers[:1], port=7007, protocol="u")
        with client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
            sock.settimeout(5)
            sock.connect((ipv4.vip, 7007))
            for payload_bytes in (1400, 1472, 2000, 5000):
                payload = os.urandom(payload_bytes)
                sock.send(payload)
                assert sock.recv(65536) == b"rs1:" + payload
    finally:
        topology.director.ip(f"route del {server}/32")


def test_a_reply_too_big_for_the_clients_link_is_cut(topology, director, client, ipv4, echoes):
    director.add_service(ipv4, "nat", topology.servers[:1], port=7, protocol="u")
    topology.director.ip("link set eth0 mtu 1300")
    try:
        with Wire(topology.servers[0], ipv4) as far, \
                client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            director.add_service(ipv4, "nat", topology.servers[:1], port=5353, protocol="u")
            far.sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
            far.sock.bind(("", 5353))
            sock.settimeout(5)
            sock.connect((ipv4.vip, 5353))
            sock.send(b"question")
            _, asker = far.sock.recvfrom(100)
            for payload_bytes in (1400, 4000):
                answer = os.urandom(payload_bytes)
                far.sock.sendto(answer, asker)
                assert sock.recv(65536) == answer
    finally:
        topology.director.ip("link set eth0 mtu 1500")


def test_a_large_answer_of_a_name_server_arrives(topology, director, client, family):
    server = topology.servers[0]
    director.add_service(family, "nat", [server], port=53, protocol="u")
    texts = [f"{n:03}" + "x" * 197 for n in range(15)]
    dnsmasq = server.start(
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
        "--bind-interfaces", "--interface=eth0", "--pid-file=", "--user=root",
        "--edns-packet-max=4096", "--txt-record=large.example," + ",".join(texts))
    try:
        version = socket.AF_INET if family.version == 4 else socket.AF_INET6
        with client.socket(version, socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.connect((family.vip, 53))
            question = DNS(rd=1, qd=DNSQR(qname="large.example", qtype="TXT"), ar=DNSRROPT(
                rclass=4096))
            answer = DNS(until("dnsmasq to answer", lambda: asked(sock, bytes(question))))
        assert [bytes(text).decode() for text in answer.an.rdata] == texts
    finally:
        stop_process(dnsmasq)


def asked(sock, question):
    """The answer, None when there is none yet."""
    try:
        sock.send(question)
        return sock.recv(65536)
    except OSError:
        return None
