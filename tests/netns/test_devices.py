# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients and servers behind devices whose drivers know nothing of XDP: what comes natively by
another interface leaves by them all the same."""

import json
import os
import socket

import pytest

from director import Director
from load import echo, fetch
from namespace import CommandFailed
from servers import Echo
from test_fragments import Wire
from topology import FAMILIES, Topology
from wait import until

KINDS = ("bridge", "macvlan", "vlan", "qinq")


def move_addresses(space, interface, device):
    shown = json.loads(space.run("ip", "-json", "address", "show", "dev", interface).stdout)
    addresses = [f"{entry['local']}/{entry['prefixlen']}" for entry in shown[0]["addr_info"]
                 if entry["scope"] == "global"]
    space.ip(*(f"address del {address} dev {interface}" for address in addresses),
             *(f"address add {address} dev {device}" for address in addresses))


def add_vlan(space, interface, kind):
    """Tags in the frames of an interface: one, or two."""
    protocol = "802.1ad" if kind == "qinq" else "802.1q"
    space.ip(f"link add top0 link {interface} type vlan protocol {protocol} id 10",
             "link set top0 up")
    if kind == "qinq":
        space.ip("link add name in0 link top0 type vlan id 20", "link set in0 up")
    return "in0" if kind == "qinq" else "top0"


def put_behind(topology, interface, kind):
    """The director's interface becomes the lower device of one of this kind, which has its
    addresses; who is on its other side has tags, too. Returns the device."""
    space = topology.director
    if kind == "bridge":
        space.ip("link add top0 type bridge forward_delay 0", "link set top0 up",
                 f"link set {interface} master top0")
        device = "top0"
    elif kind == "macvlan":
        space.ip(f"link add top0 link {interface} type macvlan", "link set top0 up")
        device = "top0"
    else:
        device = add_vlan(space, interface, kind)
        others = topology.servers if interface == "eth1" else [topology.client]
        for other in others:
            move_addresses(other, "eth0", add_vlan(other, "eth0", kind))
            if other is not topology.client:
                other.reply_through_director()
    move_addresses(space, interface, device)
    return device


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(params=["client", "servers"])
def lab(request, kind, programs):
    """A director one of whose sides is behind such a device."""
    interface = "eth0" if request.param == "client" else "eth1"
    with Topology("two", servers=1) as topology:
        try:
            device = put_behind(topology, interface, kind)
        except CommandFailed as failed:
            pytest.skip(f"this kernel has no such device: {failed}")
        if interface == "eth0":
            topology.client.ip(*(f"route replace {family.vip}/{family.host_bits} "
                                 f"via {family.gateway}" for family in FAMILIES))
        director = Director(topology)
        director.words = [device if word == interface else word for word in director.words]
        director.start()
        yield topology, director, device


def test_traffic_passes_and_status_says_how(lab):
    topology, director, device = lab
    with Echo(topology.servers):
        for family in FAMILIES:
            director.add_service(family, "nat", topology.servers)
            director.add_service(family, "nat", topology.servers, port=7, protocol="u")
            assert fetch(topology.client, family, 3) == ["rs1"] * 3
            assert echo(topology.client, family, 3) == ["rs1"] * 3
    shown = {row["name"]: (row["mode"], row["sends"])
             for row in json.loads(director.xlvs("status", "--json"))["interfaces"]}
    assert shown.pop(device) == ("generic", "by detour")
    assert set(shown.values()) == {("native", "directly")}
