# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames as they cross an interface, and what a director should have made of them.

Expected frames are built by scapy from the frame that was sent, checksums included, and compared
byte for byte with the frame that arrived.
"""

import select
import socket
import struct
import time
from dataclasses import dataclass

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from wait import until

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SOL_PACKET = 263
PACKET_OUTGOING = 4
PACKET_STATISTICS = 6
QUEUE_BYTES = 64 << 20
READ_SEC = 1


@dataclass(frozen=True)
class Frame:
    data: bytes
    outgoing: bool

    @property
    def packet(self):
        return Ether(self.data)

    @property
    def l3_bytes(self):
        return len(self.data) - 14


class Capture:
    """In a `with` statement: what crosses the interface meanwhile, in order."""

    def __init__(self, space, interface="eth0"):
        self.sock = space.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, QUEUE_BYTES)
        self.sock.bind((interface, ETH_P_ALL))
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def frames(self):
        """All of them so far; under a load that never pauses, what a while brings."""
        end = time.monotonic() + READ_SEC
        while time.monotonic() < end and select.select([self.sock], [], [], 0)[0]:
            data, address = self.sock.recvfrom(65536)
            self.seen.append(Frame(data, address[2] == PACKET_OUTGOING))
        _, lost = struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        assert not lost, f"the capture lost {lost} frames"
        return self.seen

    def select(self, wanted, outgoing=None):
        """The frames whose packet satisfies wanted(packet)."""
        return [frame for frame in self.frames()
                if outgoing in (None, frame.outgoing) and wanted(frame.packet)]

    def wait(self, what, wanted, count=1, outgoing=None, seconds=5):
        """... once there are `count` of them."""
        until(what, lambda: len(self.select(wanted, outgoing)) >= count, seconds)
        return self.select(wanted, outgoing)


def wire_to(topology, space):
    """A capture of what reaches a namespace before its XDP programs see it: the frames that are
    outgoing there."""
    return Capture(topology.switch, f"{space.name}-eth0")


def l3(packet):
    return packet[IPv6] if IPv6 in packet and packet.type == 0x86DD else packet[IP]


def l4(packet):
    return packet[TCP] if TCP in packet else packet[UDP] if UDP in packet else None


def to(address, port=None):
    """A condition for Capture.select(): packets to this address."""
    def matches(packet):
        return is_ip(packet) and l3(packet).dst == address and (
            port is None or l4(packet) is not None and l4(packet).dport == port)
    return matches


def source(address, port=None):
    def matches(packet):
        return is_ip(packet) and l3(packet).src == address and (
            port is None or l4(packet) is not None and l4(packet).sport == port)
    return matches


def is_ip(packet):
    return packet.type in (0x0800, 0x86DD)


def router_hop(frame, from_mac, to_mac):
    """The packet one hop further: other MACs, TTL less one, everything else as it was."""
    packet = frame.packet
    packet.src, packet.dst = from_mac, to_mac
    if IPv6 in packet and packet.type == 0x86DD:
        packet[IPv6].hlim -= 1
    else:
        packet[IP].ttl -= 1
    return packet


def with_checksums(packet):
    """Its bytes, every checksum calculated anew."""
    for layer in (IP, TCP, UDP):
        nth = 1
        while packet.getlayer(layer, nth):
            del packet.getlayer(layer, nth).chksum
            nth += 1
    return bytes(packet)


def after_dr(frame, from_mac, to_mac):
    return with_checksums(router_hop(frame, from_mac, to_mac))


def after_nat_request(frame, from_mac, to_mac, address, port):
    packet = router_hop(frame, from_mac, to_mac)
    l3(packet).dst, l4(packet).dport = address, port
    return with_checksums(packet)


def after_nat_reply(frame, from_mac, to_mac, vip, port):
    packet = router_hop(frame, from_mac, to_mac)
    l3(packet).src, l4(packet).sport = vip, port
    return with_checksums(packet)


def after_fullnat(frame, from_mac, to_mac, from_end, to_end):
    packet = router_hop(frame, from_mac, to_mac)
    l3(packet).src, l4(packet).sport = from_end
    l3(packet).dst, l4(packet).dport = to_end
    return with_checksums(packet)


def after_ipip(frame, from_mac, to_mac, dip, address, outer_id=0):
    """IPv4 or IPv6 in either of them; outer_id is free when the outer packet may be fragmented."""
    packet = router_hop(frame, from_mac, to_mac)
    inner = l3(packet)
    from_v6 = inner.version == 6
    ttl, tos = (inner.hlim, inner.tc) if from_v6 else (inner.ttl, inner.tos)
    if ":" in address:
        outer = IPv6(src=dip, dst=address, hlim=ttl, tc=tos, nh=41 if from_v6 else 4)
    else:
        dont_fragment = not from_v6 and inner.flags.DF
        outer = IP(src=dip, dst=address, ttl=ttl, tos=tos, proto=41 if from_v6 else 4,
                   flags="DF" if dont_fragment else 0, id=0 if dont_fragment else outer_id)
    return with_checksums(Ether(src=from_mac, dst=to_mac) / outer / inner)


def assert_same_frames(expected, arrived):
    """Whole frames, in order; says which differ and where."""
    for number, (want, got) in enumerate(zip(expected, arrived)):
        got = got.data
        if want != got:
            at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b),
                      min(len(want), len(got)))
            raise AssertionError(f"frame {number} differs at byte {at}:\n"
                                 f"expected {Ether(want)!r}\narrived  {Ether(got)!r}")
    assert len(arrived) == len(expected), f"{len(arrived)} frames for {len(expected)}"
