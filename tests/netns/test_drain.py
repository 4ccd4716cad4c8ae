# SPDX-License-Identifier: GPL-2.0-or-later
"""Taking servers out: weight 0 drains, deletion silences, and nobody left is said at once."""

import socket

import pytest
from scapy.layers.inet import TCP

from capture import Capture, source, to
from director import METHOD_OPTION
from forwarding import two_armed
from load import Load, Session, fetch
from wait import until

pytestmark = two_armed
methods = pytest.mark.parametrize("method", ["nat", "dr", "tun"])


@methods
def test_weight_0_keeps_its_connections_and_gets_no_new_ones(topology, director, client, family,
                                                             method):
    service = director.add_service(family, method, topology.servers)
    with Session(client, family) as session:
        assert session.get() == "rs3"
        dest = family.endpoint(topology.servers[2].address(family), 80)
        director.ipvsadm(f"-e -t {service} -r {dest} {METHOD_OPTION[method]} -w 0")
        assert "rs3" not in fetch(client, family, 6)
        assert session.get() == "rs3"
        director.ipvsadm(f"-e -t {service} -r {dest} {METHOD_OPTION[method]} -w 1")
        assert session.get() == "rs3"
    assert "rs3" in fetch(client, family, 3)


@methods
def test_connections_of_a_deleted_destination_fall_silent_and_resume(topology, director, client,
                                                                     family, method):
    server = topology.servers[2]
    service = director.add_service(family, method, topology.servers)
    dest = family.endpoint(server.address(family), 80)
    with Session(client, family, timeout=10) as session:
        assert session.get() == "rs3"
        director.ipvsadm(f"-d -t {service} -r {dest}")
        with Capture(client) as wire, Capture(server) as far:
            session.send()
            wire.wait("retransmissions", to(family.vip, 80), 3, outgoing=True)
            assert fetch(client, family, 4) == ["rs2", "rs1"] * 2
            port = session.stream.getsockname()[1]
            assert not wire.select(lambda packet: source(family.vip, 80)(packet)
                                   and to(family.client, port)(packet), outgoing=False)
            assert not far.select(lambda packet: TCP in packet, outgoing=False)
        director.add_dest(service, family, server, method, 80)
        assert session.receive() == "rs3"


def test_a_new_destination_gets_new_connections(topology, director, client, ipv4):
    service = director.add_service(ipv4, "nat", topology.servers[:1])
    assert fetch(client, ipv4, 2) == ["rs1"] * 2
    director.add_dest(service, ipv4, topology.servers[1], "nat", 80)
    assert sorted(fetch(client, ipv4, 4)) == ["rs1"] * 2 + ["rs2"] * 2


@pytest.mark.parametrize("left", ["no destination", "weight 0"])
def test_without_a_destination_the_client_is_refused_at_once(topology, director, client, family,
                                                             left):
    service = director.add_service(family, "nat", [])
    if left == "weight 0":
        director.add_dest(service, family, topology.servers[0], "nat", 80, words="-w 0")
    before = director.drops()["no_destination"]
    with pytest.raises(ConnectionRefusedError):
        Session(client, family)
    assert director.drops()["no_destination"] > before
    assert not director.connections(service)


def test_connections_of_a_deleted_service_fall_silent(topology, director, client, ipv4):
    director.add_service(ipv4, "nat", topology.servers, port=8080)
    service = director.add_service(ipv4, "nat", topology.servers)
    with Session(client, ipv4, timeout=1) as session:
        assert session.get() == "rs3"
        director.ipvsadm(f"-D -t {service}")
        session.send()
        with pytest.raises(socket.timeout):
            session.receive()


def test_destinations_come_and_go_and_no_request_is_lost(topology, director, client, ipv4):
    service = director.add_service(ipv4, "nat", topology.servers[:1])
    dest = ipv4.endpoint(topology.servers[1].address(ipv4), 80)
    with Load(client, ipv4.vip) as load:
        for _ in range(10):
            director.add_dest(service, ipv4, topology.servers[1], "nat", 80)
            load.wait_more(20)
            director.ipvsadm(f"-e -t {service} -r {dest} -m -w 0")
            # As an operator does: what it is serving may finish before it goes.
            until("the server to be drained",
                  lambda: not director.destinations(service)[dest].active)
            director.ipvsadm(f"-d -t {service} -r {dest}")
    assert not load.failed
    assert {request.server for request in load.requests} == {"rs1", "rs2"}
