# SPDX-License-Identifier: GPL-2.0-or-later
"""IPVS's netlink messages: the quick way to ask either director, without a process a command.

The kernel takes them on a generic-netlink socket, xlvs on its own; the bytes are the same.
"""

import functools
import os
import socket
import struct

NETLINK_GENERIC = 16
CONTROL_FAMILY, CONTROL_GET_FAMILY = 0x10, 3
REQUEST, ACK, DUMP = 1, 4, 0x300
ERROR, DONE = 2, 3
XLVS_IPVS, XLVS_OWN = 0x20, 0x21
GET_CONNS = 3   # of the XLVS family

NEW_SERVICE, SET_SERVICE, DEL_SERVICE, GET_SERVICE = 1, 2, 3, 4
NEW_DEST, SET_DEST, DEL_DEST, GET_DEST = 5, 6, 7, 8
SET_CONFIG, ZERO, FLUSH = 12, 16, 17
SERVICE, DEST = 1, 2    # the nests

MASQ, TUNNEL, ROUTE = 0, 2, 3
METHODS = {"-m": MASQ, "-i": TUNNEL, "-g": ROUTE}
COUNTERS = ("conns", "inpkts", "outpkts", "inbytes", "outbytes")
RATES = ("cps", "inpps", "outpps", "inbps", "outbps")
CONNECTION = struct.Struct("=BBBB2s2s2sHI16s16s16s12s")


class Refused(Exception):
    """The director's answer was an error; the argument is its number."""


def attribute(number, data):
    return struct.pack("=HH", 4 + len(data), number) + data + b"\0" * (-len(data) % 4)


def attributes(data):
    """{number: bytes} of a string of attributes."""
    found, at = {}, 0
    while at + 4 <= len(data):
        length, number = struct.unpack_from("=HH", data, at)
        found[number & 0x3fff] = data[at + 4:at + length]
        at += length + 3 & ~3
    return found


class Channel:
    """One director's control socket, opened in its namespace."""

    def __init__(self, director):
        self.sequence = 0
        with director.entered():
            self.open()

    def exchange(self, family, command, payload=b"", dump=False):
        """The payloads of the answer, headers removed."""
        self.sequence += 1
        body = struct.pack("=BBH", command, 1, 0) + payload
        self.socket.send(struct.pack("=IHHII", 16 + len(body), family,
                                     REQUEST | ACK | DUMP * dump, self.sequence, 0) + body)
        answers = []
        while True:
            data = self.socket.recv(1 << 17)
            if not data:
                raise ConnectionError("the director hung up")
            at = 0
            while at < len(data):
                length, kind, _, sequence, _ = struct.unpack_from("=IHHII", data, at)
                if sequence == self.sequence:
                    if kind in (ERROR, DONE):
                        code = struct.unpack_from("=i", data, at + 16)[0]
                        if code:
                            raise Refused(-code)
                        return answers
                    answers.append(data[at + 20:at + length])
                at += length + 3 & ~3

    def ipvs(self, command, payload=b"", dump=False):
        return self.exchange(self.family, command, payload, dump)


class KernelChannel(Channel):
    def open(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.socket.bind((0, 0))
        answer = self.exchange(CONTROL_FAMILY, CONTROL_GET_FAMILY, attribute(2, b"IPVS\0"))
        self.family = struct.unpack("=H", attributes(answer[0])[1])[0]
        self.listing = os.open("/proc/thread-self/net/ip_vs_conn", os.O_RDONLY)

    def connections(self, virtual=None):
        """Yields (protocol, source, virtual, destination, state, seconds) of each connection, or
        of those to these virtual addresses. The protocol of a template that a persistence engine
        found has the engine's name and data behind it."""
        data, at = [], 0
        while piece := os.pread(self.listing, 1 << 16, at):
            data.append(piece)
            at += len(piece)
        wanted = virtual and {in_hex(address) for address in virtual}
        for line in b"".join(data).decode().splitlines()[1:]:
            words = line.split()
            if not wanted or words[3] in wanted:
                pairs = zip(words[1:7:2], words[2:7:2])
                yield (" ".join([words[0], *words[9:]]),
                       *(endpoint_of_hex(*pair) for pair in pairs), words[7], int(words[8]))


class XlvsChannel(Channel):
    family = XLVS_IPVS

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect("\0xlvs")

    def connections(self, virtual=None):
        wanted = virtual and {address_attribute(address)[1] for address in virtual}
        names = {6: "TCP", 17: "UDP", 132: "SCTP", 0: "IP"}
        for answer in self.exchange(XLVS_OWN, GET_CONNS, dump=True):
            found = attributes(answer)
            rows = list(CONNECTION.iter_unpack(found[2]))
            engine = "".join(" " + part.rstrip(b"\0").decode() for part in
                             (found[3][:17], found[3][17:])) if 3 in found else ""
            for place, row in enumerate(rows, 1):
                if wanted and row[10] not in wanted:
                    continue
                family, dest_family, protocol, _, *ports, _, seconds, client, virtual, dest, state \
                    = row
                ports = [int.from_bytes(port, "big") for port in ports]
                yield (names[protocol] + engine * (place == len(rows)),
                       (text(family, client), ports[0]),
                       (text(family, virtual), ports[1]), (text(dest_family, dest), ports[2]),
                       state.rstrip(b"\0").decode(), seconds)


def in_hex(address):
    """As /proc/net/ip_vs_conn writes it."""
    raw = address_attribute(address)[1]
    if ":" not in address:
        return raw[:4].hex().upper()
    return ":".join(raw[i:i + 2].hex() for i in range(0, 16, 2))


def endpoint_of_hex(address, port):
    if len(address) == 8:
        return socket.inet_ntoa(bytes.fromhex(address)), int(port, 16)
    raw = bytes.fromhex(address.replace(":", "").strip("[]"))
    return socket.inet_ntop(socket.AF_INET6, raw), int(port, 16)


def text(family, raw):
    return socket.inet_ntop(family, raw[:4] if family == socket.AF_INET else raw)


def number(data):
    return int.from_bytes(data, "little")


def address_attribute(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address).ljust(16, b"\0")


# The listing.

def counts(nest):
    values = attributes(nest)
    return tuple(number(values[i]) for i in range(1, 6)), \
        tuple(number(values[i]) for i in range(6, 11))


@functools.lru_cache(4096)      # most of what is looked at has not changed since the last step
def read_service(data):
    """(key, settings, counters, rates) of a service; the key is what ipvsadm prints."""
    found = attributes(attributes(data)[SERVICE])
    family = number(found[1])
    settings = {
        "scheduler": found[6].rstrip(b"\0").decode(), "flags": number(found[7][:4]),
        "timeout": number(found[8]), "netmask": found[9].hex(),
        "pe": found.get(11, b"").rstrip(b"\0").decode()}
    if 5 in found:
        key = ("FWM", family, number(found[5]))
    else:
        key = ({6: "TCP", 17: "UDP", 132: "SCTP"}[number(found[2])], text(family, found[3]),
               int.from_bytes(found[4], "big"))
    return (key, settings, *counts(found[12]))


@functools.lru_cache(16384)
def read_dest(data):
    found = attributes(attributes(data)[DEST])
    names = {"method": 3, "weight": 4, "upper": 5, "lower": 6, "active": 7, "inactive": 8,
             "persistent": 9}
    settings = {name: number(found[i]) for name, i in names.items()}
    settings["tunnel"] = (number(found[13]), found[14].hex(), number(found[15]))
    settings["method"] &= 7
    key = (text(number(found[11]), found[1]), int.from_bytes(found[2], "big"))
    return (key, settings, *counts(found[12]))


@functools.lru_cache(4096)
def service_nest(key):
    return attribute(SERVICE, service_key(key))


def service_key(key):
    """The nest that names a service."""
    if key[0] == "FWM":
        return struct.pack("=HHHxx", 6, 1, key[1]) + attribute(5, struct.pack("=I", key[2]))
    family, raw = address_attribute(key[1])
    return (attribute(1, struct.pack("=H", family)) +
            attribute(2, struct.pack("=H", {"TCP": 6, "UDP": 17, "SCTP": 132}[key[0]])) +
            attribute(3, raw) + attribute(4, struct.pack("!H", key[2])))


# ipvsadm's words as a message: as much of them as the random scenarios use.

COMMANDS = {"-A": NEW_SERVICE, "-E": SET_SERVICE, "-D": DEL_SERVICE, "-a": NEW_DEST,
            "-e": SET_DEST, "-d": DEL_DEST, "-Z": ZERO, "-C": FLUSH, "--set": SET_CONFIG}
NAMED = {"-t": "TCP", "-u": "UDP"}
ALONE = {"-o", "--tun-nocsum", "--tun-csum", "--tun-remcsum"}
TUNNELS = {"ipip": 0, "gue": 1, "gre": 2}
PERSISTENT, ONE_PACKET = 1, 4
FLAGS = {"sh-fallback": 8, "sh-port": 16, "mh-fallback": 8, "mh-port": 16,
         "flag-1": 8, "flag-2": 16, "flag-3": 32}


def split_endpoint(word):
    address, _, port = word.rpartition(":")
    return address.strip("[]"), int(port)


def named(words):
    """(service's key, destination's key or None) a command line names."""
    service = dest = None
    for option, word in zip(words, words[1:]):
        if option in NAMED:
            service = (NAMED[option], *split_endpoint(word))
        elif option == "-r":
            dest = split_endpoint(word)
    return service, dest


def message(words):
    """(command, payload) of one ipvsadm command line."""
    command = COMMANDS[words[0]]
    if command == SET_CONFIG:
        return command, b"".join(attribute(4 + i, struct.pack("=I", int(word)))
                                 for i, word in enumerate(words[1:4]))
    given, key, place = {}, None, 1
    while place < len(words):
        word = words[place]
        if word in METHODS or word in ALONE:
            given[word] = True
            place += 1
            continue
        if word == "-6":
            key = ("FWM", int(socket.AF_INET6), key[2])
            place += 1
            continue
        if word == "-f":
            key = ("FWM", int(socket.AF_INET), int(words[place + 1]))
        elif word in NAMED:
            key = (NAMED[word], *split_endpoint(words[place + 1]))
        else:
            given[word] = words[place + 1]
        place += 2
    if key is None:
        return command, b""
    service = service_key(key)
    if command in (NEW_SERVICE, SET_SERVICE):
        service += service_settings(given, ":" in str(key[1]) or key[1] == socket.AF_INET6)
    payload = attribute(SERVICE, service)
    if "-r" in given:
        payload += attribute(DEST, dest_words(given, key, command != DEL_DEST))
    return command, payload


def service_settings(given, is_v6):
    flags = PERSISTENT * ("-p" in given) | ONE_PACKET * ("-o" in given)
    flags |= sum(FLAGS[name] for name in given.get("-b", "").split(",") if name)
    netmask = struct.pack("=I", int(given.get("-M", 128)) if is_v6 else 0)
    if not is_v6:
        netmask = socket.inet_aton(given.get("-M", "255.255.255.255"))
    engine = attribute(11, given["--pe"].encode() + b"\0") if "--pe" in given else b""
    return (attribute(6, given.get("-s", "wlc").encode() + b"\0") + engine +
            attribute(7, struct.pack("=II", flags, 0xffffffff)) +
            attribute(8, struct.pack("=I", int(given.get("-p", 0)))) + attribute(9, netmask))


def dest_words(given, key, full):
    address, port = split_endpoint(given["-r"])
    method = next((METHODS[word] for word in METHODS if word in given), ROUTE)
    family, raw = address_attribute(address)
    nest = attribute(11, struct.pack("=H", family)) + attribute(1, raw)
    nest += attribute(2, struct.pack("!H", key[2] if full and method != MASQ and key[0] != "FWM" else port))
    if full:
        for attr, value in ((3, method), (4, int(given.get("-w", 1))),
                            (5, int(given.get("-x", 0))), (6, int(given.get("-y", 0)))):
            nest += attribute(attr, struct.pack("=I", value))
        checksums = 1 if "--tun-csum" in given else 2 if "--tun-remcsum" in given else 0
        nest += attribute(13, bytes([TUNNELS[given.get("--tun-type", "ipip")]]))
        nest += attribute(14, struct.pack("!H", int(given.get("--tun-port", 0))))
        nest += attribute(15, struct.pack("=H", checksums))
    return nest
