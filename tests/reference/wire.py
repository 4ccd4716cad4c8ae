# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames as bytes: built for sending, and described in one line for people.

Every checksum of a built frame is right. What a description says of a frame is for reading; frames
are compared as bytes, after normal() has taken out what two directors may choose freely.
"""

import ipaddress
import socket
import struct
from dataclasses import dataclass

TCP, UDP, SCTP, ICMP, ICMP6, IPIP, IPV6, GRE = 6, 17, 132, 1, 58, 4, 41, 47
PROTOCOLS = {"tcp": TCP, "udp": UDP, "sctp": SCTP}
FLAG_LETTERS = "FSRPAUEC"
CHUNKS = ("DATA", "INIT", "INIT-ACK", "SACK", "HEARTBEAT", "HEARTBEAT-ACK", "ABORT", "SHUTDOWN",
          "SHUTDOWN-ACK", "ERROR", "COOKIE-ECHO", "COOKIE-ACK", "ECNE", "CWR",
          "SHUTDOWN-COMPLETE", "I-DATA")
CHUNK_TYPES = {name: number for number, name in enumerate(CHUNKS)} | {"I-DATA": 64}
ETHERNET_BYTES = 14
VERSION_4, VERSION_6 = b"\x08\x00", b"\x86\xdd"


@dataclass(frozen=True)
class Packet:
    """What a step sends: everything but the Ethernet header."""

    protocol: str
    source: tuple       # (address, port)
    target: tuple
    flags: str = ""     # of SCTP its chunks: COOKIE-ECHO+DATA
    length: int = 0     # of the payload
    ttl: int = 64
    tos: int = 0
    ident: int = 1
    df: bool = True
    checksum: bool = True
    call: str = ""      # of a datagram: it is a SIP message, and this the line that names its call


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def crc32c(data):
    """RFC 9260, appendix A."""
    value = 0xffffffff
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0x82f63b78 * (value & 1)
    return value ^ 0xffffffff


def sctp(packet):
    """An SCTP packet; each of its chunks is as long as the packet's length says."""
    header = struct.pack("!HHI", packet.source[1], packet.target[1], 0x5c7b0001)
    chunks = b"".join(
        struct.pack("!BBH", CHUNK_TYPES[name], 3, 4 + packet.length) +
        bytes(packet.length) + bytes(-packet.length % 4) for name in packet.flags.split("+"))
    value = crc32c(header + bytes(4) + chunks) if packet.checksum else 0
    return header + struct.pack("<I", value) + chunks


def is_sum_right(data):
    return crc32c(data[:8] + bytes(4) + data[12:]) == struct.unpack_from("<I", data, 8)[0]


def flag_bits(letters):
    return sum(1 << FLAG_LETTERS.index(letter) for letter in letters)


def sip(call):
    """A SIP message; in `call`, _ stands for a space and | for the end of a line."""
    lines = ["OPTIONS sip:vip SIP/2.0", "Via: SIP/2.0/UDP client", *call.split("|"), "CSeq: 1 OPTIONS"]
    return "".join(line.replace("_", " ") + "\r\n" for line in lines).encode()


def transport(packet, pseudo):
    if packet.protocol == "sctp":
        return sctp(packet)
    payload = bytes(range(256)) * (packet.length // 256 + 1)
    payload = payload[:packet.length]
    if packet.call:
        payload = sip(packet.call)
    ports = struct.pack("!HH", packet.source[1], packet.target[1])
    if packet.protocol == "tcp":
        bits = flag_bits(packet.flags)
        rest = struct.pack("!IIBBH", 1000, 2000 if bits & 0x10 else 0, 5 << 4, bits, 64240)
        after, ending = rest, b"\0\0" + payload
    else:
        after, ending = struct.pack("!H", 8 + len(payload)), payload
    number = PROTOCOLS[packet.protocol]
    length = len(ports) + len(after) + 2 + len(ending)
    whole = pseudo + struct.pack("!IBBH", length, 0, 0, number)
    value = checksum(whole + ports + after + b"\0\0" + ending)
    if packet.protocol == "udp":
        value = (value or 0xffff) if packet.checksum else 0
    return ports + after + struct.pack("!H", value) + ending


def build(packet, source_mac, target_mac):
    source, target = packed(packet.source[0]), packed(packet.target[0])
    body = transport(packet, source + target)
    number = PROTOCOLS[packet.protocol]
    if len(source) == 16:
        header = struct.pack("!IHBB", 6 << 28 | packet.tos << 20, len(body), number,
                             packet.ttl) + source + target
        return target_mac + source_mac + VERSION_6 + header + body

    def header(value):
        return struct.pack("!BBHHHBBH", 0x45, packet.tos, 20 + len(body), packet.ident,
                           0x4000 if packet.df else 0, packet.ttl, number, value) + source + target
    return target_mac + source_mac + VERSION_4 + header(checksum(header(0))) + body


def normal(frame):
    """The frame without what a director may choose freely: the identification of an IPv4 header
    the director itself made (a tunnel's outer header, an ICMP error), and with it the header's
    checksum; the flow label of an ICMPv6 error."""
    if frame[12:14] == VERSION_4 and frame[23] in (ICMP, IPIP, IPV6, GRE):
        return without_identification(frame)
    if frame[12:14] == VERSION_6 and frame[20] == ICMP6:
        return frame[:15] + bytes([frame[15] & 0xf0]) + b"\0\0" + frame[18:]
    return frame


def without_identification(frame):
    return frame[:18] + b"\0\0" + frame[20:24] + b"\0\0" + frame[26:]


def without_source_port(frame, port):
    """A UDP datagram to this port, which a tunnel is, without its source port, its checksum and
    its outer header's identification; others as they are."""
    offset = ETHERNET_BYTES + addresses(frame[ETHERNET_BYTES:])[3]
    if ports(frame[ETHERNET_BYTES:])[2::2] != (UDP, port):
        return frame
    if frame[12:14] == VERSION_4:
        frame = without_identification(frame)
    has_sum = bytes([any(frame[offset + 6:offset + 8])]) * 2
    return frame[:offset] + b"\0\0" + frame[offset + 2:offset + 6] + has_sum + frame[offset + 8:]


def addresses(data):
    """(source, target, protocol, header's bytes) of an IP packet."""
    if data[0] >> 4 == 6:
        return (socket.inet_ntop(socket.AF_INET6, data[8:24]),
                socket.inet_ntop(socket.AF_INET6, data[24:40]), data[6], 40)
    return (socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20]), data[9],
            (data[0] & 15) * 4)


def ports(data):
    """(source, target, protocol, source port, target port) of an IP packet, as far as it has
    them."""
    source, target, protocol, offset = addresses(data)
    if protocol in (TCP, UDP, SCTP) and len(data) >= offset + 4:
        return (source, target, protocol, *struct.unpack_from("!HH", data, offset))
    return source, target, protocol, None, None


def innermost(data):
    """The IP packet inside all tunnel headers, and whether there were any."""
    _, _, protocol, offset = addresses(data)
    if protocol in (IPIP, IPV6):
        return innermost(data[offset:])[0], True
    return data, False


def describe_ip(data):
    source, target, protocol, offset = addresses(data)
    if data[0] >> 4 == 4:
        field = struct.unpack_from("!H", data, 6)[0]
        own = f"ttl {data[8]} tos {data[1]} id {struct.unpack_from('!H', data, 4)[0]}"
        own += " DF" * bool(field & 0x4000) + f" frag {field & 0x3fff}" * bool(field & 0x3fff)
        own += " BAD-IP-SUM" if checksum(data[:offset]) else ""
    else:
        own = f"hop {data[7]} tc {(data[0] & 15) << 4 | data[1] >> 4}"
    body = data[offset:]
    if protocol in (IPIP, IPV6):
        return f"{source} > {target} {own} [{describe_ip(body)}]"
    if protocol in (ICMP, ICMP6):
        inner = f" [{describe_ip(body[8:])}]" if len(body) >= 28 else ""
        return f"{source} > {target} {own} icmp {body[0]}/{body[1]}{inner}"
    if protocol in (TCP, UDP) and len(body) >= 8:
        source_port, target_port = struct.unpack_from("!HH", body)
        kind = f"udp sum {body[6:8].hex()}"
        if protocol == TCP and len(body) >= 20:
            kind = "tcp " + "".join(letter for bit, letter in enumerate(FLAG_LETTERS)
                                    if body[13] >> bit & 1) + f" sum {body[16:18].hex()}"
        return f"{source}:{source_port} > {target}:{target_port} {own} {kind} len {len(data)}"
    if protocol == SCTP and len(body) >= 16:
        kind = f"sctp chunk {body[12]} sum {body[8:12].hex()}" + " BAD-SUM" * (not is_sum_right(body))
        source_port, target_port = struct.unpack_from("!HH", body)
        return f"{source}:{source_port} > {target}:{target_port} {own} {kind} len {len(data)}"
    return f"{source} > {target} {own} protocol {protocol} len {len(data)}"


def describe(frame):
    try:
        return f"{frame[6:12].hex()}>{frame[:6].hex()} {describe_ip(frame[ETHERNET_BYTES:])}"
    except (IndexError, struct.error):
        return frame.hex()


def is_observed(frame):
    """Frames of an address family, to one station: not neighbour discovery's or routers' own."""
    return frame[12:14] in (VERSION_4, VERSION_6) and not frame[0] & 1


def version_of(address):
    return ipaddress.ip_address(address).version
