# SPDX-License-Identifier: GPL-2.0-or-later
"""Two equal networks in one machine: the same addresses down to the MACs, two kinds of director.

              198.51.100.2  198.51.100.1 ┌──────────┐ 192.0.2.1
    client eth0 ───────────────────── eth0 director eth1 ─────── eth0 rs1   192.0.2.11, .14, .17 ..
    (any client's address,               │          eth2 ─────── eth0 rs2   192.0.2.12, .15, .18 ..
    by the router that it is)            └──────────eth3 ─────── eth0 rs3   192.0.2.13, .16, .19 ..

203.0.113.0/24 and 254 addresses of 2001:db8:113::/64 are the director's: virtual addresses. Client
and servers have no addresses and no stack that would answer: what they send is a step of a scenario,
byte by byte, and what reaches them is read from packet sockets. Their neighbours are told to the
director once, for good.
"""

import ctypes
import fcntl
import select
import socket
import struct
import subprocess
import tempfile

import messages
import namespace
import wire
from namespace import Namespace
from wait import until
from xdp import attach_pass

N_SERVERS = 3
N_VIPS = 254
N_SERVER_ADDRESSES = 12     # a third of them at each server
STATION = {"client": bytes.fromhex("020000000002"), "eth0": bytes.fromhex("020000000001")}
for _number in range(1, N_SERVERS + 1):
    STATION[f"rs{_number}"] = bytes.fromhex(f"02000000002{_number}")
    STATION[f"eth{_number}"] = bytes.fromhex(f"02000000001{_number}")

VIP_NETWORK = {4: "203.0.113.", 6: "2001:db8:113::"}
SERVER_NETWORK = {4: "192.0.2.", 6: "2001:db8:2::"}
PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263
ETH_P_ALL = 0x0003
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
TIMEOUTS = ("900", "120", "300")

# While the guest reads a file for the first time its clock runs ahead (tests/lib/guest.py); whoever
# started the guest sees to it that it does not hang.
LONG_SEC = 24 * 3600
namespace.TIMEOUT_SEC = LONG_SEC


def server_address(family, number):
    return f"{SERVER_NETWORK[family]}{10 + number}"


def server_name(number):
    """Who holds the server address of this number."""
    return f"rs{(number - 1) % N_SERVERS + 1}"


def colons(mac):
    return mac.hex(":")


def whole_checksums(space, interface):
    """What a stack sends here has its checksums in it, as XDP must find it."""
    value = struct.pack("II", ETHTOOL_STXCSUM, 0)
    with space.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        buffer = ctypes.create_string_buffer(value)
        fcntl.ioctl(end, SIOCETHTOOL, struct.pack("16sP", interface.encode(),
                                                  ctypes.addressof(buffer)))


class Side:
    """One director with its client and servers."""

    def __init__(self, programs):
        self.spaces = {name: Namespace(self.name, name)
                       for name in ("director", "client", "rs1", "rs2", "rs3")}
        self.director = self.spaces["director"]
        self.programs = programs
        self.connect()
        self.address()
        self.open_sockets()

    def connect(self):
        for name, space in self.spaces.items():
            if name != "director":
                space.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
                space.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        ports = {"client": "eth0"} | {f"rs{i}": f"eth{i}" for i in range(1, N_SERVERS + 1)}
        self.director.ip(*(line for name, port in ports.items() for line in (
            f"link add {port} address {colons(STATION[port])} type veth "
            f"peer name eth0 address {colons(STATION[name])} netns {self.spaces[name].netns}",
            f"link set {port} up")))
        self.held = []
        for name, port in ports.items():
            self.spaces[name].ip("link set eth0 up")
            whole_checksums(self.director, port)
            whole_checksums(self.spaces[name], "eth0")
            self.held.append(attach_pass(self.spaces[name], "eth0"))

    def address(self):
        """The director's addresses, routes and neighbours."""
        lines = ["address add 198.51.100.1/32 dev eth0",
                 "address add 192.0.2.1/32 dev lo", "address add 203.0.113.0/24 dev lo",
                 "address add 2001:db8:100::1/128 dev eth0 nodad",
                 "address add 2001:db8:2::1/128 dev lo nodad",
                 *(f"address add {VIP_NETWORK[6]}{number}/128 dev lo nodad"
                   for number in range(1, N_VIPS + 1))]
        for gateway in ("198.51.100.2", "2001:db8:100::2"):
            client = colons(STATION["client"])
            lines += [f"route add {gateway} dev eth0",
                      f"neighbour add {gateway} dev eth0 lladdr {client} nud permanent",
                      f"route add default via {gateway} dev eth0"]
        for family in (4, 6):
            own = SERVER_NETWORK[family] + "1"
            for number in range(1, N_SERVER_ADDRESSES + 1):
                server = server_name(number)
                address, port = server_address(family, number), f"eth{server[2:]}"
                lines += [f"route add {address} dev {port} src {own}",
                          f"neighbour add {address} dev {port} lladdr "
                          f"{colons(STATION[server])} nud permanent"]
        self.director.ip(*lines)
        for name, value in (("net.ipv4.ip_forward", 1), ("net.ipv6.conf.all.forwarding", 1),
                            ("net.ipv4.icmp_ratelimit", 0), ("net.ipv6.icmp.ratelimit", 0),
                            ("net.ipv4.conf.all.send_redirects", 0)):
            self.director.sysctl(name, value)
        for port in range(N_SERVERS + 1):
            self.director.sysctl(f"net.ipv4.conf.eth{port}.send_redirects", 0)

    def open_sockets(self):
        self.sockets, self.owners, self.arrivals = {}, {}, select.epoll()
        for name, space in self.spaces.items():
            if name == "director":
                continue
            end = space.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            end.bind(("eth0", ETH_P_ALL))
            self.arrivals.register(end, select.EPOLLIN)
            self.sockets[name], self.owners[end.fileno()] = end, name

    def send(self, name, packet):
        port = "eth0" if name == "client" else f"eth{name[2:]}"
        self.sockets[name].send(wire.build(packet, STATION[name], STATION[port]))

    def receive(self):
        """[(who, frame)] of what has arrived since the last time, in order for each of them."""
        found = []
        while ready := self.arrivals.poll(0):
            for number, _ in ready:
                name = self.owners[number]
                frame = self.sockets[name].recv(65536)
                if wire.is_observed(frame):
                    found.append((name, frame))
        return found

    def run(self, words):
        """A program of this director: (exit status, stdout, stderr)."""
        with self.director.entered():
            done = subprocess.run([self.programs[words[0]], *words[1:]], capture_output=True,
                                  text=True, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    def quick(self, words):
        """What ipvsadm would do with these words, without a process: the error's number."""
        try:
            self.channel.ipvs(*messages.message(words))
        except messages.Refused as refused:
            return refused.args[0]
        return 0

    def services(self, own, fresh=True):
        """{key: (settings, [dest (key, settings)])} and {key or (key, dest): (counters, rates)} of
        the services whose key own() accepts. Without `fresh`, services are as they were: only a
        command changes them; packets change counts of destinations."""
        if fresh:
            self.known = [messages.read_service(answer)
                          for answer in self.channel.ipvs(messages.GET_SERVICE, dump=True)]
        services, numbers = {}, {}
        for key, settings, counters, rates in self.known:
            if not own(key):
                continue
            dests = []
            numbers[key, None] = counters, rates
            for dest in self.channel.ipvs(messages.GET_DEST, messages.service_nest(key), True):
                dest_key, dest_settings, counters, rates = messages.read_dest(dest)
                dests.append((dest_key, dest_settings))
                numbers[key, dest_key] = counters, rates
            services[key] = settings, dests
        return services, numbers

    def close(self):
        for space in self.spaces.values():
            space.close()


class KernelSide(Side):
    """The kernel's IPVS, commanded by Debian's ipvsadm."""

    name = "kernel"

    def start(self):
        self.run(["ipvsadm", "-Ln"])    # the first time it is read from the host
        self.channel = messages.KernelChannel(self.director)
        # IPVS sees what the host takes for its own: of what has a mark, everything.
        self.director.ip("rule add not fwmark 0/0xffffffff lookup 100",
                         "route add local default dev lo table 100")

    def sysctl(self, setting):
        """What a refusal is to look like: sysctl(8)'s words, our exit status."""
        name, _, value = setting.partition("=")
        try:
            self.director.sysctl(f"net.ipv4.vs.{name}", value.replace(",", " "))
        except FileNotFoundError:
            return 2, "", f"sysctl: cannot stat /proc/sys/net/ipv4/vs/{name}: " \
                "No such file or directory\n"
        except OSError:
            return 2, "", f'sysctl: setting key "net.ipv4.vs.{name}": Invalid argument\n'
        return 0, "", ""

    def mark(self, protocol, address, port, mark):
        family = "ip6" if ":" in address else "ip"
        status, _, errors = self.run([
            "nft", "add table inet marks; add chain inet marks setting "
            "{ type filter hook prerouting priority mangle; }; "
            f"add rule inet marks setting {family} daddr {address} {protocol} dport {port} "
            f"meta mark set {mark}"])
        return status, "", errors

    def no_marks(self):
        self.run(["nft", "delete table inet marks"])


class XlvsSide(Side):
    """xlvs, commanded by its own programs."""

    name = "xlvs"

    def start(self):
        ports = [word for port in range(N_SERVERS + 1) for word in ("-i", f"eth{port}")]
        with tempfile.NamedTemporaryFile("r", dir="/run") as log, open(log.name, "w") as writing:
            self.daemon = self.director.start(self.programs["xlvsd"], *ports, "--connections",
                                              "16384", stderr=writing)
            until("xlvsd to be ready or gone", lambda: self.has_started(log), LONG_SEC, 0.2)
        for name in ("ipvsadm", "xlvs"):
            self.run([name, "--help"])
        self.channel = messages.XlvsChannel(self.director)

    def has_started(self, log):
        log.seek(0)
        said = log.read()
        if self.daemon.poll() is not None:
            raise namespace.CommandFailed(f"xlvsd ended:\n{said}")
        return said.rstrip().endswith("ready")

    def sysctl(self, setting):
        status, _, errors = self.run(["xlvs", "sysctl", setting])
        return status, "", errors

    def mark(self, protocol, address, port, mark):
        where = f"[{address}]" if ":" in address else address
        word = "any" if protocol == "sctp" else protocol
        return self.run(["xlvs", "mark", "add", word, f"{where}:{port}", str(mark)])

    def no_marks(self):
        self.run(["xlvs", "mark", "flush"])
