# SPDX-License-Identifier: GPL-2.0-or-later
"""NAT: destination rewritten on the way in, source on the way back; both through the director."""

from capture import Capture, after_nat_reply, after_nat_request, assert_same_frames, source, to
from forwarding import NEWEST_FIRST, Forwarding, two_armed
from load import Session, echo, fetch


class TestNat(Forwarding):
    method = "nat"
    sees_replies = True
    state_after_close = "TIME_WAIT"

    def packets_to_server(self, family, server):
        return to(server.address(family), 80)

    def as_forwarded(self, frame, family, macs, server):
        return after_nat_request(frame, *macs, server.address(family), 80)

    def test_every_reply_frame_reaches_the_client_as_from_the_vip(self, topology, director, client,
                                                                  family):
        server = topology.servers[0]
        director.add_service(family, "nat", [server])
        macs = (topology.director.mac("eth0"), client.mac())
        with Capture(client) as wire, Capture(server) as far:
            with Session(client, family) as session:
                assert session.get() == "rs1"
                session.finish()
            received = wire.select(source(family.vip, 80), outgoing=False)
            sent = far.select(source(server.address(family), 80), outgoing=True)
        assert_same_frames([after_nat_reply(frame, *macs, family.vip, 80) for frame in sent],
                           received)

    def test_ports_are_mapped_and_the_server_sees_the_client(self, topology, director, client,
                                                             family):
        director.add_service(family, "nat", topology.servers, port=80, dest_port=8080)
        assert fetch(client, family, 3) == NEWEST_FIRST
        for server in topology.servers:
            assert server.wait_requests(1) == [(family.client, server.address(family), 8080, 200)]

    @two_armed
    def test_datagram_ports_are_mapped(self, topology, director, client, family, echoes):
        director.add_service(family, "nat", topology.servers, port=53, dest_port=7007,
                             protocol="u")
        assert echo(client, family, 3, port=53) == NEWEST_FIRST

    @two_armed
    def test_destinations_on_different_ports_of_one_server(self, topology, director, client,
                                                           family):
        server = topology.servers[0]
        service = director.add_service(family, "nat", [])
        for port in (80, 8080):
            director.add_dest(service, family, server, "nat", port)
        assert fetch(client, family, 4) == ["rs1"] * 4
        assert [port for _, _, port, _ in server.wait_requests(4)] == [8080, 80, 8080, 80]
