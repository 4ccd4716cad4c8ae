# SPDX-License-Identifier: GPL-2.0-or-later
"""A server gets another MAC address while clients are being served."""

import itertools

import pytest

from capture import Capture, is_ip
from forwarding import two_armed
from load import Load

pytestmark = two_armed
macs = (f"02:00:00:00:00:{number:02x}" for number in itertools.count(0x11))


@pytest.mark.parametrize("method", ["nat", "dr", "tun"])
def test_requests_follow_a_server_to_its_new_mac_address(topology, director, client, family,
                                                         method):
    server, mac = topology.servers[0], next(macs)
    director.add_service(family, method, topology.servers)
    server.sysctl("net.ipv4.conf.eth0.arp_notify", 1)
    server.sysctl("net.ipv6.conf.eth0.ndisc_notify", 1)
    with Load(client, family.vip, pause=0.01) as load:
        load.wait_more(50)
        with Capture(server) as far:
            server.ip(f"link set eth0 address {mac}")
            far.wait("requests at the new address",
                     lambda packet: packet.dst == mac and is_ip(packet), 20, outgoing=False,
                     seconds=15)
        load.wait_more(50)
    assert not load.failed
