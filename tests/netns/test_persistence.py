# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that stay with their server, and servers that take no more than so many."""

import contextlib
import socket

import pytest

from director import METHOD_OPTION
from forwarding import two_armed
from load import Session, echo, fetch
from wait import until

pytestmark = two_armed
methods = pytest.mark.parametrize("method", ["nat", "dr", "tun"])

LIST_HEAD = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn 
  -> RemoteAddress:Port
"""


def templates(director, virtual):
    """(state, source, destination) of the templates for a virtual address and port."""
    return sorted((row.state, row.source, row.destination)
                  for row in director.connections(virtual) if row.source.endswith(":0"))


def persistent(director, service):
    """{destination: PersistConn}"""
    return {dest: int(columns[1])
            for its_service, dest, columns in director.rows("--persistent-conn")
            if its_service == service and dest}


@methods
def test_a_client_stays_with_its_server(topology, director, client, family, method):
    service = director.add_service(family, method, topology.servers, scheduler="rr -p 30")
    servers = [family.endpoint(server.address(family), 80) for server in topology.servers]
    assert fetch(client, family, 4) == ["rs3"] * 4
    (template,) = templates(director, service)
    assert template == ("ASSURED", family.endpoint(family.client, 0), servers[2])
    assert persistent(director, service) == {servers[0]: 0, servers[1]: 0, servers[2]: 1}

    # Of weight 0 it is still theirs; deleted it is not.
    director.ipvsadm(f"-e -t {service} -r {servers[2]} {METHOD_OPTION[method]} -w 0")
    assert fetch(client, family, 2) == ["rs3"] * 2
    director.ipvsadm(f"-d -t {service} -r {servers[2]}")
    assert fetch(client, family, 2) == ["rs2"] * 2
    assert templates(director, service) == [
        ("ASSURED", family.endpoint(family.client, 0), servers[1])]
    assert templates(director, family.endpoint(family.vip, 65535)) == [
        ("ASSURED", family.endpoint(family.client, 0),
         family.endpoint(topology.servers[2].address(family), 65535))]


def test_listings_are_those_of_ipvsadm(topology, director, client, ipv4):
    service = director.add_service(ipv4, "nat", topology.servers,
                                   scheduler="rr -p 30 -M 255.255.255.0")
    assert fetch(client, ipv4, 1) == ["rs3"]
    rows = "".join(f"  -> {server.address(ipv4)}:80                1         "
                   f"{'100'[number]}           0          {'100'[number]}         \n"
                   for number, server in enumerate(reversed(topology.servers)))
    assert director.ipvsadm("-Ln --persistent-conn --nosort") == (
        f"{LIST_HEAD}TCP  {service} rr persistent 30 mask 255.255.255.0\n{rows}")
    assert f"-A -t {service} -s rr -p 30 -M 255.255.255.0\n" in director.ipvsadm("-Sn")
    listed = director.ipvsadm("-Lnc --persistent-conn").splitlines()
    assert listed[1] == ("pro expire state       source             virtual            "
                         "destination        pe name          pe_data")
    network = ipv4.client.rpartition(".")[0] + ".0:0"
    template = next(line for line in listed if f"{network} " in line and service in line)
    assert template in (f"TCP {left}  ASSURED     {network:18} {service:18} "
                        f"{topology.servers[2].address(ipv4)}:80"
                        for left in ("00:29", "00:28"))


def test_a_service_for_all_ports_keeps_a_client_on_one_server(topology, director, client, family,
                                                              echoes):
    service = family.endpoint(family.vip, 0)
    director.add_service(family, "nat", topology.servers, port=0, scheduler="rr -p 30",
                         dest_port=9)  # which is not looked at
    assert fetch(client, family, 3) == ["rs3"] * 3
    ((state, _, dest),) = templates(director, service)
    assert (state, dest) == (
        "ASSURED", family.endpoint(topology.servers[2].address(family), 0))
    director.add_service(family, "nat", topology.servers[:1], port=0, protocol="u",
                         scheduler="rr -p 30")
    assert echo(client, family, 2) == ["rs1"] * 2
    assert fetch(client, family, 2, port=8080) == ["rs3"] * 2


def test_clients_of_a_network_share_a_server(topology, director, client, ipv4):
    director.add_service(ipv4, "dr", topology.servers, scheduler="rr -p 30 -M 255.255.255.0")
    assert fetch(client, ipv4, 2) == ["rs3"] * 2
    neighbour = ipv4.client.rpartition(".")[0] + ".11"
    client.ip(f"address add {neighbour}/{ipv4.bits} dev eth0")
    try:
        shown = client.run("curl", "--silent", "--interface", neighbour,
                           f"http://{ipv4.vip}/").stdout
    finally:
        client.ip(f"address delete {neighbour}/{ipv4.bits} dev eth0")
    assert shown.strip() == "rs3"


def test_a_template_ends_with_its_time_and_its_connections(topology, director, client, ipv4,
                                                           echoes):
    service = director.add_service(ipv4, "nat", topology.servers, port=7, protocol="u",
                                   scheduler="rr -p 4")
    dest = ipv4.endpoint(topology.servers[2].address(ipv4), 7)
    director.ipvsadm("--set 0 0 1")
    assert echo(client, ipv4, 3) == ["rs3"] * 3
    assert persistent(director, service)[dest] == 1
    until("the template to be freed", lambda: not persistent(director, service)[dest])
    assert not director.connections(service)
    assert echo(client, ipv4, 1) == ["rs2"]


def test_templates_and_counts_outlive_the_daemon(topology, director, client, ipv4):
    service = director.add_service(ipv4, "nat", topology.servers, scheduler="rr -p 300")
    assert fetch(client, ipv4, 2) == ["rs3"] * 2
    before = templates(director, service), persistent(director, service), director.ipvsadm("-Sn")
    director.kill()
    assert fetch(client, ipv4, 2) == ["rs3"] * 2
    director.start()
    assert before == (templates(director, service), persistent(director, service),
                      director.ipvsadm("-Sn"))
    assert fetch(client, ipv4, 2) == ["rs3"] * 2


def test_a_server_takes_no_more_than_its_threshold(topology, director, client, ipv4):
    service = director.add_service(ipv4, "nat", [])
    server = topology.servers[0]
    server.prepare("nat", ipv4)
    with director.reaching():
        dest = director.add_dest(service, ipv4, server, "nat", 80, words="-x 2 -y 1")
    assert [columns for _, name, columns in director.rows("--thresholds") if name == dest] == [
        ["2", "1", "0", "0"]]
    with contextlib.ExitStack() as sessions:
        for _ in range(2):
            assert sessions.enter_context(Session(client, ipv4)).get() == "rs1"
        with pytest.raises(OSError):
            Session(client, ipv4, timeout=0.5)
        director.ipvsadm(f"-e -t {service} -r {dest} -m -x 3")
        assert sessions.enter_context(Session(client, ipv4)).get() == "rs1"
    assert "-x" not in director.ipvsadm("-Sn")


@pytest.mark.parametrize("method", ["dr", "tun"])
def test_one_packet_scheduling_sends_each_datagram_elsewhere(topology, director, client, family,
                                                             echoes, method):
    service = director.add_service(family, method, topology.servers, port=7, protocol="u",
                                   scheduler="rr -o")
    version = socket.AF_INET if family.version == 4 else socket.AF_INET6
    with client.socket(version, socket.SOCK_DGRAM) as sock:
        assert echo(client, family, 6, sock=sock) == ["rs3", "rs2", "rs1"] * 2
    assert not director.connections(service)
    assert f"-A -u {service} -s rr -o\n" in director.ipvsadm("-Sn")
    stats = director.stats()[service, None]
    assert (stats.conns, stats.in_packets) == (6, 6)


def test_a_mark_has_one_template_for_all_ports(topology, director, client, family):
    server = topology.servers[2]
    words = "" if family.version == 4 else " -6"
    director.xlvs("mark", "add", "tcp", family.vip, "5")
    try:
        director.ipvsadm(f"-A -f 5{words} -s rr -p 40")
        with director.reaching():
            for each in topology.servers:
                each.prepare("nat", family)
                dest = family.endpoint(each.address(family), 9)  # a port that is not looked at
                director.ipvsadm(f"-a -f 5{words} -r {dest} -m")
        assert fetch(client, family, 2) == ["rs3"] * 2
        assert fetch(client, family, 2, port=8080) == ["rs3"] * 2
        mark = "0.0.0.5:0" if family.version == 4 else "[0:5::]:0"
        (template,) = (row for row in director.connections(mark) if row.state == "ASSURED")
        assert (template.protocol, template.source, template.destination) == (
            "IP", family.endpoint(family.client, 0), family.endpoint(server.address(family), 0))
    finally:
        director.xlvs("mark", "del", "tcp", family.vip)
