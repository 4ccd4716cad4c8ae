# SPDX-License-Identifier: GPL-2.0-or-later
"""A LAN with a real server and a director made by hand, for the tests of `xlvs rs`.

    client eth0 ──┐
    director eth0 ┼ lan          the director only passes on what it is sent, by DR or in a tunnel;
    server eth0 ──┘              the server's answers never come by it

The VIPs are in the LAN's own network, so that a wrong ARP or ND answer would be believed.
"""

import hashlib
import itertools
import json
import os
import select
import socket
import struct
import threading

from scapy.layers.inet6 import (ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6, in6_getnsma,
                                in6_getnsmac)
from scapy.layers.l2 import ARP, Ether

import namespace
from capture import SO_RCVBUFFORCE, Capture
from director import program
from namespace import Namespace, link
from wait import until

PORT = 7007
IP_FREEBIND = 15  # of <linux/in.h>; Python 3.11 has no name for it
PATIENCE = 10.0
serials = itertools.count(1)


class Family:
    def __init__(self, version, network, bits):
        self.version, self.bits = version, bits
        self.socket = socket.AF_INET if version == 4 else socket.AF_INET6
        self.client, self.director, self.server, self.vip, self.vip2, self.nobody = (
            network + host for host in ("7", "1", "2", "100", "101", "77"))


V4 = Family(4, "192.0.2.", 24)
V6 = Family(6, "2001:db8::", 64)
FAMILIES = (V4, V6)


class Lan:
    """The namespaces, and the commands that run in the server's. Call close() in the end."""

    def __init__(self):
        self.group = f"rs{next(serials)}"
        self.spaces = []
        self.switch, self.client, self.director, self.server = map(
            self.add, ("switch", "client", "director", "server"))
        self.switch.ip("link add lan type bridge forward_delay 0 mcast_snooping 0",
                       "link set lan up")
        for space in (self.client, self.director, self.server):
            self.plug(space, "eth0", 1500 if space is self.client else 1700)
            for family in FAMILIES:
                address = getattr(family, space.name)
                space.ip(f"address add {address}/{family.bits} dev eth0")
        self.director.sysctl("net.ipv4.ip_forward", 0)
        for family in FAMILIES:
            for vip in (family.vip, family.vip2):
                self.client.ip(f"neighbour replace {vip} lladdr {self.director.mac()} dev eth0 "
                               "nud permanent")

    def add(self, name):
        space = Namespace(self.group, name)
        self.spaces.append(space)
        return space

    def plug(self, space, interface, mtu, bridge="lan"):
        port = f"{space.name}-{interface}"
        link(space, interface, self.switch, port)
        self.switch.ip(f"link set {port} mtu {mtu} master {bridge}")
        space.ip(f"link set {interface} mtu {mtu}")

    def close(self):
        for vip in json.loads(self.rs("show", "--json", check=False).stdout)["vips"]:
            self.rs("del", vip["vip"])
        for space in self.spaces:
            space.close()
        namespace.delete_group(self.group)

    def rs(self, *words, **options):
        return self.server.run(program("xlvs"), "rs", *words, **options)

    def snapshot(self):
        """All that `xlvs rs` may change."""
        conf = "/proc/sys/net/ipv4/conf"
        keys = ("arp_ignore", "arp_announce", "rp_filter")
        found = {"links": self.server.run("ip", "-o", "link").stdout,
                 "addresses": self.server.run("ip", "-o", "address").stdout}
        with self.server.entered():
            for interface, key in itertools.product(os.listdir(conf), keys):
                path = f"{conf}/{interface}/{key}"
                with open(path) as file:
                    found[path] = file.read()
        return found


def ip_checksum(header):
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def tunnel_header(outer, inner, payload_bytes, sender):
    protocol = 4 if inner is V4 else 41
    addresses = b"".join(socket.inet_pton(outer.socket, name) for name in (sender, outer.server))
    if outer is V6:
        return struct.pack("!IHBB", 6 << 28, payload_bytes, protocol, 63) + addresses
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + payload_bytes, 0, 0x4000, 63, protocol, 0)
    header += addresses
    return header[:10] + struct.pack("!H", ip_checksum(header)) + header[12:]


class ByHand:
    """A director: passes frames for the VIPs of one family on to the server. In a `with`."""

    def __init__(self, lan, family, outer=None, sender=None):
        self.family, self.outer = family, outer
        self.sender = sender or (outer and outer.director)
        self.vips = {socket.inet_pton(family.socket, vip) for vip in (family.vip, family.vip2)}
        self.mac = bytes.fromhex(lan.director.mac().replace(":", ""))
        self.server_mac = bytes.fromhex(lan.server.mac().replace(":", ""))
        self.sock = lan.director.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.sock.bind(("eth0", 0x0800 if family is V4 else 0x86DD))
        self.wake, self.stop = socket.socketpair()
        self.thread = threading.Thread(target=self.pass_on, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.close()
        self.thread.join()
        self.sock.close()
        self.wake.close()

    def pass_on(self):
        while True:
            ready, _, _ = select.select([self.sock, self.wake], [], [])
            if self.wake in ready:
                return
            frame = self.sock.recv(65536)
            destination = frame[30:34] if self.family is V4 else frame[38:54]
            if frame[:6] == self.mac and destination in self.vips:
                self.sock.send(self.forwarded(frame))

    def forwarded(self, frame):
        if not self.outer:
            return self.server_mac + self.mac + frame[12:]
        ethertype = struct.pack("!H", 0x0800 if self.outer is V4 else 0x86DD)
        return (self.server_mac + self.mac + ethertype
                + tunnel_header(self.outer, self.family, len(frame) - 14, self.sender) + frame[14:])


def udp_pair(lan, family, vip):
    """A socket of the server's on the VIP (whether it has it or not), and the client's to it."""
    far = lan.server.socket(family.socket, socket.SOCK_DGRAM)
    far.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    far.bind((vip, PORT))
    near = lan.client.socket(family.socket, socket.SOCK_DGRAM)
    near.connect((vip, PORT))
    for sock in (far, near):
        sock.settimeout(PATIENCE)
    return far, near


def udp_answers(lan, family, vip=None, payload=b"anybody there?"):
    """A datagram of the client's to the VIP reaches the server and the answer the client."""
    far, near = udp_pair(lan, family, vip or family.vip)
    with far, near:
        near.send(payload)
        data, peer = far.recvfrom(65536)
        far.sendto(data[::-1], peer)
        return near.recv(65536) == payload[::-1]


def is_ignored(lan, family, vip=None):
    """A datagram of the client's to the VIP reaches the server's interface and no socket."""
    payload = b"nobody there?"
    far, near = udp_pair(lan, family, vip or family.vip)
    with far, near, Capture(lan.server) as wire:
        near.send(payload)
        wire.wait("the request at the server", lambda packet: payload in bytes(packet),
                  outgoing=False)
        # One more, to the server's own address: once that is in, the first has had its chance.
        own_far, own_near = udp_pair(lan, family, family.server)
        with own_far, own_near:
            own_near.send(payload)
            own_far.recv(65536)
        return not select.select([far], [], [], 0)[0]


def tcp_carries(lan, family, payload, vip=None):
    """Whether a stream to the VIP arrives whole and the server's answer does too."""
    vip = vip or family.vip
    with lan.server.socket(family.socket, socket.SOCK_STREAM) as listener, \
            lan.client.socket(family.socket, socket.SOCK_STREAM) as near:
        listener.bind((vip, PORT))
        listener.listen()
        listener.settimeout(PATIENCE)

        def serve():
            far, _ = listener.accept()
            with far:
                data = b"".join(iter(lambda: far.recv(1 << 16), b""))
                far.sendall(hashlib.sha256(data).digest() + data[::-1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        near.settimeout(PATIENCE)
        near.connect((vip, PORT))
        near.sendall(payload)
        near.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: near.recv(1 << 16), b""))
        thread.join(PATIENCE)
    return answer == hashlib.sha256(payload).digest() + payload[::-1]


def exchanges(lan, family, vip=None):
    return udp_answers(lan, family, vip) and tcp_carries(lan, family, os.urandom(300_000), vip)


def neighbour_answers(lan, family, wanted):
    """Which of the addresses the server's eth0 owns up to, asked as neighbours do. The last one is
    its own: when that answer is in, the others would be."""
    mine, its = lan.client.mac(), lan.server.mac()
    asking = lan.client.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with asking, Capture(lan.client) as wire:
        asking.bind(("eth0", 0))
        for target in (*wanted, family.server):
            if family is V4:
                asking.send(bytes(Ether(src=mine, dst="ff:ff:ff:ff:ff:ff")
                                  / ARP(op=1, hwsrc=mine, psrc=family.client, pdst=target)))
                continue
            group = in6_getnsma(socket.inet_pton(socket.AF_INET6, target))
            everybody = (in6_getnsmac(group), socket.inet_ntop(socket.AF_INET6, group))
            for mac, to in (everybody, (its, target)):
                asking.send(bytes(Ether(src=mine, dst=mac)
                                  / IPv6(src=family.client, dst=to, hlim=255)
                                  / ICMPv6ND_NS(tgt=target) / ICMPv6NDOptSrcLLAddr(lladdr=mine)))

        def answers():
            return [frame.packet for frame in wire.frames() if not frame.outgoing and
                    (ARP in frame.packet and frame.packet[ARP].op == 2 or ICMPv6ND_NA in frame.packet)]

        until("the answer for the server's own address",
              lambda: len([1 for answer in answers() if owned(answer) == family.server])
              >= (1 if family is V4 else 2))
        return {owned(answer) for answer in answers()} - {family.server}


def owned(answer):
    return answer[ARP].psrc if ARP in answer else answer[ICMPv6ND_NA].tgt
