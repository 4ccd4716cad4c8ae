# SPDX-License-Identifier: GPL-2.0-or-later
"""What every forwarding method does, whichever it is: a test class for each method inherits it."""

import pytest

from capture import Capture, assert_same_frames, source, to, wire_to
from director import METHOD_WORD
from load import Session, curl, echo, fetch
from servers import LARGE_BYTES
from wait import until

NEWEST_FIRST = ["rs3", "rs2", "rs1"]

two_armed = pytest.mark.parametrize("armed", ["two"], ids=["two-armed"])


def settled(director, service):
    """The service's counters once two readings agree and show traffic."""
    readings = []

    def agree():
        readings.append(director.stats())
        return len(readings) > 1 and readings[-1] == readings[-2] \
            and readings[-1][service, None].conns
    until("the counters to settle", agree, seconds=8, every=0.2)
    return readings[-1]


def traffic(frames):
    """(packets, bytes) as a director counts them: without Ethernet headers."""
    return len(frames), sum(frame.l3_bytes for frame in frames)


def assert_all_outlives_the_daemon(director, client, family):
    """A session goes on without a daemon and under the next, which finds what was configured."""
    saved = director.ipvsadm("-S -n")
    with Session(client, family) as session:
        server = session.get()
        director.kill()
        assert session.get() == server
        director.start()
        assert session.get() == server
    assert director.ipvsadm("-S -n") == saved


class Forwarding:
    method = ""             # given by the test class of each
    sees_replies = False    # do they come back through the director?
    state_after_close = ""

    def packets_to_server(self, family, server):
        """A condition: the packets that carry a client's request to this server."""
        raise NotImplementedError

    def as_forwarded(self, frame, family, macs, server):
        """The frame that must reach the server when the client sent this one."""
        raise NotImplementedError

    @pytest.mark.parametrize("mode", ["auto", "generic"])
    def test_fetches_go_round_newest_destination_first(self, topology, director, client, family):
        director.add_service(family, self.method, topology.servers)
        assert fetch(client, family, 9) == NEWEST_FIRST * 3

    def test_datagrams_go_round_and_come_back_from_the_vip(self, topology, director, client,
                                                           family, echoes):
        director.add_service(family, self.method, topology.servers, port=7, protocol="u")
        assert echo(client, family, 6) == NEWEST_FIRST * 2

    @two_armed
    def test_counters_equal_the_traffic_of_the_client(self, topology, director, client, family):
        service = director.add_service(family, self.method, topology.servers)
        with Capture(client, "eth0") as wire, Capture(client, "eth1") as direct:
            assert fetch(client, family, 9) == NEWEST_FIRST * 3
            stats = settled(director, service)
            sent = wire.select(to(family.vip), outgoing=True)
            received = wire.select(source(family.vip), outgoing=False)
            past_director = direct.select(source(family.vip), outgoing=False)
        total = stats[service, None]
        assert total.conns == 9
        assert (total.in_packets, total.in_bytes) == traffic(sent)
        assert (total.out_packets, total.out_bytes) == traffic(received)
        assert bool(received) == self.sees_replies and bool(past_director) != self.sees_replies
        for server in topology.servers:
            assert stats[service, family.endpoint(server.address(family), 80)].conns == 3

    def test_every_frame_reaches_the_server_as_it_should(self, topology, director, client, family):
        server = topology.servers[0]
        director.add_service(family, self.method, [server])
        macs = (topology.director.mac(topology.director_interfaces[-1]), server.mac())
        with Capture(client) as wire, wire_to(topology, server) as far:
            with Session(client, family) as session:
                assert session.get() == "rs1"
                session.finish()
            sent = wire.select(to(family.vip, 80), outgoing=True)
            arrived = far.wait("the client's packets at the server",
                               self.packets_to_server(family, server), len(sent), outgoing=True)
        assert_same_frames([self.as_forwarded(frame, family, macs, server) for frame in sent],
                           arrived)

    @two_armed
    def test_connections_are_listed_with_their_state(self, topology, director, client, family):
        server = topology.servers[0]
        service = director.add_service(family, self.method, [server])
        dest = family.endpoint(server.address(family), 80)
        with Session(client, family) as session:
            session.get()
            (open_one,) = director.connections(service)
            assert (open_one.protocol, open_one.state) == ("TCP", "ESTABLISHED")
            assert (open_one.source, open_one.virtual, open_one.destination) == (
                session.source, service, dest)
            assert 890 <= open_one.seconds <= 900
            listed = director.destinations(service)[dest]
            assert (listed.forward, listed.active, listed.inactive) == (
                METHOD_WORD[self.method], 1, 0)
            session.finish()
        until(f"the closed connection to be in {self.state_after_close}",
              lambda: director.connections(service)[0].state == self.state_after_close)
        assert director.connections(service)[0].seconds <= 120
        listed = director.destinations(service)[dest]
        assert (listed.active, listed.inactive) == (0, 1)

    def test_a_large_answer_arrives_whole(self, topology, director, client, family):
        director.add_service(family, self.method, topology.servers)
        url = f"http://{family.endpoint(family.vip, 80)}/large"
        done = curl(client, "-o", "/dev/null", "-w", "%{http_code} %{size_download}\n", url)
        assert done == [f"200 {LARGE_BYTES}"]

    @two_armed
    def test_a_large_upload_arrives_whole(self, topology, director, client, family, tmp_path):
        director.add_service(family, self.method, topology.servers)
        upload = tmp_path / "upload"
        upload.write_bytes(bytes(1 << 20))
        done = curl(client, "-T", upload, "-H", "Expect:", "-w", "%{http_code} %{size_upload}\n",
                    f"http://{family.endpoint(family.vip, 80)}/upload")
        assert done == ["rs3", f"200 {1 << 20}"]
