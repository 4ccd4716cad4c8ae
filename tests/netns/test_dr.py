# SPDX-License-Identifier: GPL-2.0-or-later
"""DR: only the Ethernet header changes; the server holds the VIP and answers the client itself."""

from capture import after_dr, to
from forwarding import NEWEST_FIRST, Forwarding
from load import fetch


class TestDr(Forwarding):
    method = "dr"
    state_after_close = "FIN_WAIT"

    def packets_to_server(self, family, server):
        return to(family.vip, 80)

    def as_forwarded(self, frame, family, macs, server):
        return after_dr(frame, *macs)

    def test_the_server_is_asked_at_the_vip_by_the_client(self, topology, director, client,
                                                          family):
        director.add_service(family, "dr", topology.servers)
        assert fetch(client, family, 3) == NEWEST_FIRST
        for server in topology.servers:
            assert server.wait_requests(1) == [(family.client, family.vip, 80, 200)]
