# SPDX-License-Identifier: GPL-2.0-or-later
"""The client's address behind FULLNAT, from the director to the real server's programs."""

import contextlib
import hashlib
import os
import socket
import threading

import pytest

from capture import Capture, l4, source, to
from director import program
from forwarding import two_armed
from load import fetch

PATIENCE = 20.0
KIND = 254


def prepare(server, family, *words):
    """The server believes its director."""
    server.run(program("xlvs"), "rs", "add", family.vip, "--method", "fullnat",
               "--from", family.dip, *words)
    server.vips.append(family.vip)


@contextlib.contextmanager
def listening(server, family, port):
    with server.socket(socket.AF_INET6 if family.version == 6 else socket.AF_INET,
                       socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((server.address(family), port))
        sock.listen()
        sock.settimeout(PATIENCE)
        yield sock


def connect(client, family, port):
    sock = client.socket(socket.AF_INET6 if family.version == 6 else socket.AF_INET,
                         socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    sock.connect((family.vip, port))
    return sock


def kinds(frame):
    return [kind for kind, _ in l4(frame.packet).options]


def test_nginx_logs_the_client(topology, director, client, family):
    director.add_service(family, "fullnat", topology.servers)
    for server in topology.servers:
        prepare(server, family)
    assert sorted(fetch(client, family, 3)) == ["rs1", "rs2", "rs3"]
    for server in topology.servers:
        assert server.wait_requests(1) == [(family.client, server.address(family), 80, 200)]


@two_armed
def test_large_upload_arrives_whole_and_each_segment_tells_the_client(topology, director, client,
                                                                      family):
    """The server says nothing before it has all: every segment has the option, the full ones as
    well, since the segment size was lowered."""
    server, payload = topology.servers[0], os.urandom(1 << 20)
    director.add_service(family, "fullnat", [server], port=7009)
    prepare(server, family)
    before = director.drops()
    with listening(server, family, 7009) as listener, Capture(server) as wire, \
            connect(client, family, 7009) as near:
        sender = threading.Thread(target=lambda: (near.sendall(payload),
                                                  near.shutdown(socket.SHUT_WR)), daemon=True)
        sender.start()
        far, peer = listener.accept()
        with far:
            assert peer[:2] == near.getsockname()[:2]
            data = b"".join(iter(lambda: far.recv(1 << 16), b""))
            assert hashlib.sha256(data).digest() == hashlib.sha256(payload).digest()
            far.sendall(b"thanks")
            assert near.recv(16) == b"thanks"
        sender.join(PATIENCE)
        arrived = wire.select(to(server.address(family), 7009), outgoing=False)
    told = [frame for frame in arrived if KIND in kinds(frame)]
    assert len(told) > 700 and len(told) >= len(arrived) - 4    # SYN, and what follows the thanks
    assert director.drops().get("toa_no_room") == before.get("toa_no_room")


@two_armed
def test_segment_size_is_lowered_for_the_client_alone(topology, director, client, family):
    server = topology.servers[0]
    director.add_service(family, "fullnat", [server])
    with Capture(client) as near, Capture(server) as far:
        fetch(client, family, 1)

        def size(wire, condition, outgoing):
            frame = next(frame for frame in wire.select(condition, outgoing=outgoing)
                         if "S" in l4(frame.packet).flags)
            return dict(l4(frame.packet).options)["MSS"]
        toa_bytes = 8 if family.version == 4 else 20
        assert size(near, source(family.vip, 80), False) == \
            size(far, source(server.address(family), 80), True) - toa_bytes
        assert size(near, to(family.vip, 80), True) == \
            size(far, to(server.address(family), 80), False)


@two_armed
def test_other_kinds_and_none_are_the_destinations_choice(topology, director, client, family):
    server = topology.servers[0]
    service = director.add_service(family, "fullnat", [])
    dest = director.add_dest(service, family, server, "fullnat", 80, words="--toa-kind 200")
    director.resolve(family, family.client)
    prepare(server, family, "--toa-kind", "200")
    assert f"-r {dest} -b -w 1 --toa-kind 200\n" in director.ipvsadm("-S", "-n")
    fetch(client, family, 1)
    director.ipvsadm(f"-e -t {service} -r {dest} -b --toa-kind none")
    assert f"-r {dest} -b -w 1 --toa-kind none\n" in director.ipvsadm("-S", "-n")
    fetch(client, family, 1)
    director.ipvsadm(f"-e -t {service} -r {dest} -b")
    assert f"-r {dest} -b -w 1\n" in director.ipvsadm("-S", "-n")
    fetch(client, family, 1)        # by 254, which this server was not told of
    assert [seen for seen, *_ in server.wait_requests(3)] == [family.client, family.dip, family.dip]
