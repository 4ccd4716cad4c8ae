# SPDX-License-Identifier: GPL-2.0-or-later
"""TUN: the request travels inside another packet; the server unwraps it and answers the client."""

import pytest

from capture import Capture, after_ipip, assert_same_frames, l3, source, to, wire_to
from director import METHOD_OPTION
from forwarding import NEWEST_FIRST, Forwarding, two_armed
from load import Load, Session, fetch
from topology import V4, V6


class TestTun(Forwarding):
    method = "tun"
    state_after_close = "FIN_WAIT"

    def packets_to_server(self, family, server):
        return to(server.address(family))

    def as_forwarded(self, frame, family, macs, server):
        return after_ipip(frame, *macs, family.dip, server.address(family))

    def test_the_server_is_asked_at_the_vip_by_the_client(self, topology, director, client,
                                                          family):
        director.add_service(family, "tun", topology.servers)
        assert fetch(client, family, 3) == NEWEST_FIRST
        for server in topology.servers:
            assert server.wait_requests(1) == [(family.client, family.vip, 80, 200)]

    @two_armed
    def test_tunnels_begin_at_the_address_the_director_has_now(self, topology, director, client,
                                                               family):
        server, new = topology.servers[0], f"{family.server_base}3"
        director.add_service(family, "tun", [server])

        def prefer(address):
            """IPv6 prefers the newest by itself."""
            if family.version == 4:
                network = family.network(family.dip)
                topology.director.ip(f"route replace {network} dev eth1 src {address}")
        with Load(client, family.vip, pause=0.01) as load, wire_to(topology, server) as wire:
            wire.wait("tunnel packets", source(family.dip), 20, outgoing=True)
            topology.director.ip(f"address add {new}/{family.bits} dev eth1 nodad")
            try:
                prefer(new)
                wire.wait("tunnel packets from the new address", source(new), 20, outgoing=True)
            finally:
                prefer(family.dip)
                topology.director.ip(f"address del {new}/{family.bits} dev eth1")
            load.wait_more(20)
        assert not load.failed

    @two_armed
    @pytest.mark.parametrize("inner, outer", [(V4, V6), (V6, V4)], ids=["4-in-6", "6-in-4"])
    def test_a_family_travels_inside_the_other(self, topology, director, client, inner, outer):
        server = topology.servers[0]
        service = director.add_service(inner, "tun", [])
        server.prepare("tun", inner)
        director.ipvsadm(f"-a -t {service} -r {outer.endpoint(server.address(outer), 80)} "
                         + METHOD_OPTION["tun"])
        macs = (topology.director.mac("eth1"), server.mac())
        with Capture(client) as wire, wire_to(topology, server) as far:
            with Session(client, inner) as session:
                assert session.get() == "rs1"
                session.finish()
            sent = wire.select(to(inner.vip, 80), outgoing=True)
            carried = far.wait("the client's packets at the server", to(server.address(outer)),
                               len(sent), outgoing=True)
        # Only an IPv4 outer header that may be fragmented needs an identification of its own.
        ids = [l3(frame.packet).id if outer is V4 else 0 for frame in carried]
        assert_same_frames([after_ipip(frame, *macs, outer.dip, server.address(outer), outer_id)
                            for frame, outer_id in zip(sent, ids)], carried)

    @pytest.mark.parametrize("words", [
        "--tun-type gue --tun-port 6080", "--tun-type gue --tun-port 6080 --tun-csum",
        "--tun-type gue --tun-port 6080 --tun-remcsum", "--tun-type gre",
        "--tun-type gre --tun-csum"], ids=lambda words: "".join(words.split("-")[3:]))
    @pytest.mark.parametrize("inner, outer", [(V4, V4), (V4, V6), (V6, V4), (V6, V6)],
                             ids=["4-in-4", "4-in-6", "6-in-4", "6-in-6"])
    @two_armed
    def test_gue_and_gre_carry_requests(self, topology, director, client, inner, outer, words):
        family = topology.with_own_vip(inner)
        server = topology.servers[0]
        service = director.add_service(family, "tun", [])
        server.prepare("tun", family)
        destination = outer.endpoint(server.address(outer), 80)
        director.ipvsadm(f"-a -t {service} -r {destination} -i {words}")
        assert words.split()[1] in director.ipvsadm(f"-Ln --tun-info -t {service}")
        with Session(client, family) as session:
            assert session.get() == "rs1"
