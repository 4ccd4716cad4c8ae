# SPDX-License-Identifier: GPL-2.0-or-later
"""Destinations that are addresses of the director itself: nginx and an echo service run there."""

import os

import pytest

from capture import Capture, source, to
from director import METHOD_OPTION, METHOD_WORD
from forwarding import settled, traffic, two_armed
from load import Session, curl, echo, fetch
from servers import LARGE_BYTES, Echo, Server
from wait import until

pytestmark = two_armed
methods = pytest.mark.parametrize("method", METHOD_WORD)


class Host(Server):
    """The director's own host as a real server."""

    def __init__(self, topology):
        vars(self).update(vars(topology.director))
        self.directory = os.path.join(topology.directory, "host")

    def address(self, family):
        return family.dip


@pytest.fixture
def host(topology):
    server = Host(topology)
    server.start_nginx()
    yield server
    server.stop_nginx()


def serve(director, family, host, method, port=80, protocol="t"):
    """A service whose only destination is the director; NAT maps the port. Its endpoints."""
    service = family.endpoint(family.vip, port)
    mapped = {80: 8080, 7: 7007}[port] if method == "nat" else port
    director.ipvsadm(f"-A -{protocol} {service} -s rr")
    dest = director.add_dest(service, family, host, method, mapped, protocol)
    director.resolve(family, family.client)
    return service, dest


@methods
def test_the_directors_own_host_serves(topology, director, client, family, host, method):
    service, dest = serve(director, family, host, method)
    with Session(client, family) as session:
        assert session.get() == "director"
        (listed,) = director.connections(service)
        assert (listed.state, listed.destination) == ("ESTABLISHED", dest)
        shown = director.destinations(service)[dest]
        assert (shown.forward, shown.active, shown.inactive) == (METHOD_WORD[method], 1, 0)
        session.finish()
    until("the close to be seen both ways",
          lambda: director.connections(service)[0].state == "TIME_WAIT")


@methods
def test_what_the_client_sends_and_gets_is_counted(topology, director, client, family, host,
                                                   method):
    service, _ = serve(director, family, host, method)
    with Capture(client) as wire:
        assert fetch(client, family, 3) == ["director"] * 3
        total = settled(director, service)[service, None]
        sent = wire.select(to(family.vip), outgoing=True)
        received = wire.select(source(family.vip), outgoing=False)
    assert total.conns == 3
    assert (total.in_packets, total.in_bytes) == traffic(sent)
    assert (total.out_packets, total.out_bytes) == traffic(received)


@methods
def test_datagrams_are_answered_from_the_vip(topology, director, client, family, host, method):
    with Echo([host]):
        serve(director, family, host, method, 7, "u")
        assert echo(client, family, 3) == ["director"] * 3


@methods
def test_a_large_answer_is_translated_before_it_is_cut(topology, director, client, family, host,
                                                       method):
    """Large packets with half-made checksums, which the kernel finishes afterwards."""
    service, _ = serve(director, family, host, method)
    url = f"http://{family.endpoint(family.vip, 80)}/large"
    done = curl(client, "-o", "/dev/null", "-w", "%{http_code} %{size_download}\n", url)
    assert done == [f"200 {LARGE_BYTES}"]
    total = settled(director, service)[service, None]
    assert total.out_bytes > LARGE_BYTES
    assert total.out_bytes / total.out_packets > 1500


def test_the_host_takes_turns_with_real_servers(topology, director, client, family, host):
    service = director.add_service(family, "nat", topology.servers[:2])
    director.add_dest(service, family, host, "nat", 8080)
    assert fetch(client, family, 6) == ["director", "rs2", "rs1"] * 2


def test_a_fallback_on_the_loopback_serves_without_translation(topology, director, client, ipv4,
                                                               host):
    service = ipv4.endpoint(ipv4.vip, 80)
    director.ipvsadm(f"-A -t {service} -s rr")
    director.ipvsadm(f"-a -t {service} -r 127.0.0.1:80 -g")
    director.resolve(ipv4, ipv4.client)
    assert fetch(client, ipv4, 2) == ["director"] * 2


def test_an_address_that_moves_to_the_director_is_served_there(topology, director, client, family,
                                                               host):
    """As when a virtual address of VRRP comes."""
    moving = family.server(77)
    service = family.endpoint(family.vip, 80)
    director.ipvsadm(f"-A -t {service} -s rr")
    director.ipvsadm(f"-a -t {service} -r {family.endpoint(moving, 80)} {METHOD_OPTION['dr']}")
    director.resolve(family, family.client)
    host.ip(f"address add {moving}/{family.host_bits} dev lo")
    try:
        until("the host to serve", lambda: client.run(
            "curl", "-s", "--max-time", 1, f"http://{family.endpoint(family.vip, 80)}/",
            check=False).stdout == "director\n")
    finally:
        host.ip(f"address del {moving}/{family.host_bits} dev lo")


def test_a_killed_daemons_successor_serves_on(topology, director, client, family, host):
    service, _ = serve(director, family, host, "nat")
    assert fetch(client, family, 2) == ["director"] * 2
    director.kill()
    assert fetch(client, family, 2) == ["director"] * 2
    director.start()
    assert fetch(client, family, 2) == ["director"] * 2
    assert director.stats()[service, None].conns == 6
