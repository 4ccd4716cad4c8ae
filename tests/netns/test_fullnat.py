# SPDX-License-Identifier: GPL-2.0-or-later
"""FULLNAT: both ends rewritten both ways, so that the server answers the director, wherever it is."""

import threading

import pytest

from capture import Capture, after_fullnat, assert_same_frames, l3, l4, source, to
from forwarding import (NEWEST_FIRST, Forwarding, assert_all_outlives_the_daemon,
                        two_armed)
from load import Session, echo, fetch
from namespace import CommandFailed


def own_end(frames, address):
    """The address and port that the director used towards the server's, from captured frames."""
    ends = {(l3(frame.packet).src, l4(frame.packet).sport) for frame in frames
            if l3(frame.packet).dst == address}
    assert len(ends) == 1
    return ends.pop()


def add_locals(director, family, *numbers):
    """Further addresses of the director among the servers."""
    host = [f"{family.server_base}{200 + number}" for number in numbers]
    for address in host:
        director.namespace.ip(f"address replace {address}/{family.host_bits} dev lo")
    return host


class TestFullnat(Forwarding):
    method = "fullnat"
    sees_replies = True
    state_after_close = "TIME_WAIT"

    def packets_to_server(self, family, server):
        return to(server.address(family), 80)

    def test_every_frame_reaches_the_server_as_it_should(self, topology, director, client, family):
        server = topology.servers[0]
        director.add_service(family, "fullnat", [server], words="--toa-kind none")
        near = (client.mac(), topology.director.mac("eth0"))
        far = (topology.director.mac(topology.director_interfaces[-1]), server.mac())
        service_end, server_end = (family.vip, 80), (server.address(family), 80)
        with Capture(client) as wire, Capture(server) as behind:
            with Session(client, family) as session:
                assert session.get() == "rs1"
                client_end = session.stream.getsockname()[:2]
                session.finish()
            sent = wire.select(to(*service_end), outgoing=True)
            arrived = behind.wait("the client's packets at the server", to(*server_end),
                                  len(sent), outgoing=False)
            answered = behind.select(source(*server_end), outgoing=True)
            received = wire.select(source(*service_end), outgoing=False)
        local = own_end(arrived, server.address(family))
        assert local[0] == family.dip and local[1] >= 1024
        assert_same_frames([after_fullnat(frame, *far, local, server_end) for frame in sent],
                           arrived)
        assert_same_frames([after_fullnat(frame, near[1], near[0], service_end, client_end)
                            for frame in answered], received)

    def test_the_server_sees_the_director(self, topology, director, client, family):
        director.add_service(family, "fullnat", topology.servers, port=80, dest_port=8080)
        assert fetch(client, family, 3) == NEWEST_FIRST
        for server in topology.servers:
            assert server.wait_requests(1) == [(family.dip, server.address(family), 8080, 200)]

    @two_armed
    def test_datagram_ports_are_mapped(self, topology, director, client, family, echoes):
        director.add_service(family, "fullnat", topology.servers, port=53, dest_port=7007,
                             protocol="u")
        assert echo(client, family, 3, port=53) == NEWEST_FIRST

    @two_armed
    def test_a_server_is_a_client_of_itself(self, topology, director, client, family):
        server = topology.servers[0]
        director.add_service(family, "fullnat", [server])
        server.ip(f"route replace {family.vip}/{family.host_bits} via {family.dip}")
        assert fetch(server, family, 2) == ["rs1"] * 2

    @two_armed
    def test_local_addresses_are_the_ones_servers_see(self, topology, director, client, family):
        server = topology.servers[0]
        service = director.add_service(family, "fullnat", [server])
        locals_ = add_locals(director, family, 1, 2)
        for address in locals_:
            server.ip(f"route replace {address}/{family.host_bits} via {family.dip}")
            director.ipvsadm(f"-P -t {service} -z {address}")
        assert director.ipvsadm(f"-G -n -t {service}").splitlines()[2:] == [
            f"TCP  {service}", *(f"  -> {address}" for address in locals_)]
        fetch(client, family, 40)
        assert {seen for seen, *_ in server.wait_requests(40)} == set(locals_)

    @two_armed
    def test_local_addresses_come_and_go_under_load(self, topology, director, client, family):
        server = topology.servers[0]
        service = director.add_service(family, "fullnat", [server])
        locals_ = add_locals(director, family, 1, 2)
        for address in locals_:
            server.ip(f"route replace {address}/{family.host_bits} via {family.dip}")
        answers, done = [], threading.Event()

        def ask():
            while not done.is_set():
                answers.extend(fetch(client, family, 20))

        load = threading.Thread(target=ask)
        with Session(client, family) as session:
            assert session.get() == "rs1"
            load.start()
            try:
                for _ in range(10):
                    for address in locals_:
                        director.ipvsadm(f"-P -t {service} -z {address}")
                    assert session.get() == "rs1"
                    for address in locals_:
                        director.ipvsadm(f"-Q -t {service} -z {address}")
            finally:
                done.set()
                load.join()
            assert session.get() == "rs1"
        assert set(answers) == {"rs1"}
        seen = {address for address, *_ in server.wait_requests(len(answers))}
        assert seen <= {family.dip, *locals_} and len(seen) > 1

    @two_armed
    def test_local_addresses_are_saved_and_outlive_the_daemon(self, topology, director, client,
                                                              ipv4):
        server = topology.servers[0]
        service = director.add_service(ipv4, "fullnat", [server])
        (address,) = add_locals(director, ipv4, 1)
        server.ip(f"route replace {address}/32 via {ipv4.dip}")
        director.ipvsadm(f"-P -t {service} -z {address}")
        assert f"-P -t {service} -z {address}" in director.ipvsadm("-S -n").splitlines()
        assert_all_outlives_the_daemon(director, client, ipv4)
        fetch(client, ipv4, 1)
        assert server.wait_requests(4)[-1][0] == address

    @two_armed
    def test_addresses_that_cannot_be_are_refused(self, topology, director, client, ipv4):
        service = director.add_service(ipv4, "fullnat", [])
        (address,) = add_locals(director, ipv4, 1)
        director.ipvsadm(f"-P -t {service} -z {address}")

        def refusal(words):
            with pytest.raises(CommandFailed) as failed:
                director.ipvsadm(words)
            return str(failed.value)

        assert "192.0.2.77 is not an address of the director" in refusal(
            f"-P -t {service} -z 192.0.2.77")
        assert "in use by the service already" in refusal(f"-P -t {service} -z {address}")
        assert "192.0.2.1 is no local address" in refusal(f"-Q -t {service} -z {ipv4.dip}")
        assert "No such service" in refusal(f"-G -t {ipv4.vip}:81")
        assert "No such service" in refusal(f"-P -t {ipv4.vip}:81 -z {address}")
