# SPDX-License-Identifier: GPL-2.0-or-later
"""The way to a server changes while clients are being served: the data path follows the kernel's
routes and neighbours."""

from dataclasses import replace

import pytest

from capture import Capture, to
from director import METHOD_OPTION, Director
from forwarding import two_armed
from load import Load, Session, fetch
from servers import Server
from topology import FAMILIES, V4, Topology
from wait import until

# Each test has a topology of its own: what it changes would be in the way of others.
pytestmark = two_armed

# The network behind the gateways: its addresses' beginning, its prefix length.
FAR = {4: ("203.0.113.", 26), 6: ("2001:db8:9::", 64)}
ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


@pytest.fixture
def topology(programs, armed):
    with Topology(armed) as made:
        yield made


@pytest.fixture
def director(topology):
    return Director(topology).start()


class Gateways:
    """Two gateways between the servers' network and a farther one that holds one server."""

    def __init__(self, topology, family, method):
        self.far, bits = FAR[family.version]
        self.network = f"{self.far}192/{bits}"
        self.address = f"{self.far}200"
        self.near = [f"{family.server_base}{21 + number}" for number in range(2)]
        self.gateways = [topology.add(f"gw{number}") for number in (1, 2)]
        anywhere = ANYWHERE[family.version]
        topology.add_bridge("far")
        for number, gateway in enumerate(self.gateways):
            topology.attach(gateway, "eth0", "servers", f"{self.near[number]}/{family.bits}")
            topology.attach(gateway, "eth1", "far", f"{self.far}{193 + number}/{bits}")
            gateway.sysctl("net.ipv4.ip_forward", 1)
            gateway.sysctl("net.ipv6.conf.all.forwarding", 1)
            gateway.ip(f"route add {anywhere} via {family.dip}")
            if method == "tun":  # the server's answers pass by the director
                gateway.ip(f"route add {family.network(family.client)} via {family.direct}")
        self.director = topology.director
        self.server = topology.keep(Server(topology, 9))
        topology.attach(self.server, "eth0", "far", f"{self.address}/{bits}")
        self.server.ip(f"route add {anywhere} via {self.far}193")
        self.server.start_nginx()
        self.server.prepare(method, replace(family, direct=f"{self.far}193"))
        self.use(0)

    def use(self, number):
        self.director.ip(f"route replace {self.network} via {self.near[number]}")

    def carries(self, number):
        """A capture that sees what a gateway gets from the director."""
        return Capture(self.gateways[number])


@pytest.mark.parametrize("family", FAMILIES, ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("method", ["nat", "tun"])
def test_the_route_to_a_server_changes(topology, director, client, family, method):
    gateways = Gateways(topology, family, method)
    service = director.add_service(family, method, [])
    dest = family.endpoint(gateways.address, 80)
    director.ipvsadm(f"-a -t {service} -r {dest} {METHOD_OPTION[method]}")
    with Load(client, family.vip, pause=0.01) as load, Session(client, family) as session:
        assert session.get() == "rs9"
        with gateways.carries(0) as first:
            first.wait("requests by the first gateway", to(gateways.address), 20, outgoing=False)
        with gateways.carries(1) as second:
            gateways.use(1)
            second.wait("requests by the second gateway", to(gateways.address), 20, outgoing=False)
        with gateways.carries(0) as first:
            load.wait_more(50)
            assert session.get() == "rs9"
            assert not first.select(to(gateways.address), outgoing=False)
    assert not load.failed


def test_a_server_is_configured_before_it_can_be_reached(topology, director, client):
    server = topology.servers[0]
    server.ip("link set eth0 down")
    director.add_service(V4, "nat", [server], reachable=False)
    server.ip("link set eth0 up", "route replace 0.0.0.0/0 via 192.0.2.1")

    def served():
        try:
            with Session(client, V4, timeout=1) as session:
                return session.get() == "rs1"
        except OSError:
            return False
    until("the server to be reached", served, seconds=15)


def test_the_servers_interface_goes_down_and_up(topology, director, client):
    director.add_service(V4, "nat", topology.servers)
    assert fetch(client, V4, 3) == ["rs3", "rs2", "rs1"]
    topology.director.ip("link set eth1 down", "link set eth1 up")

    def served():
        try:
            with Session(client, V4, timeout=1) as session:
                return session.get()
        except OSError:
            return False
    until("the servers to be reached", served, seconds=15)
    assert sorted(fetch(client, V4, 3)) == ["rs1", "rs2", "rs3"]
