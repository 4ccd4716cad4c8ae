# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays a scenario on both sides at once and compares after every step.

A step is done by one side, then by the other; then both are looked at until they agree or the
guest's clock has gone on by SETTLE_SEC. That clock counts instructions (tests/lib/guest.py, flavour
"steady"), so a busy host makes it slow, not wrong, and a pause costs next to nothing.
"""

import time
from dataclasses import dataclass

import compare
import messages
import wire
from compare import Observation
from lab import SERVER_NETWORK, TIMEOUTS
from scenario import NEW_CLIENTS, NEW_PORTS, BadScenario, Names, packet_options

SETTLE_SEC = 4          # for what either side does late: counters every 2 s, expiry every second
ABOUT_TO_END_SEC = 2    # nothing is done while a connection has less than this to live
FIRST_WAIT_SEC, LONGEST_WAIT_SEC = 0.02, 0.5
LAST_VIP = 250
# A service of each family is always there: without one the kernel's IPVS leaves its hooks.
KEEPERS = {("TCP", "203.0.113.254", 1), ("TCP", "2001:db8:113::254", 1)}
VIRTUAL = 4     # column of a connection listing
LOOKS = {"-L", "-l", "-S", "-Ln", "-Sn", "-Lnc", "-ln"}     # commands that can be asked again


@dataclass
class Failure:
    """The step at which both sides no longer agree, and how they differ."""

    index: int
    step: str
    lines: list


class Player:
    """Both sides of the lab, or one of them to look at."""

    def __init__(self, sides, quick=False):
        self.sides = sides
        self.quick = quick      # ipvsadm's words by message, not by process
        self.next_vip = 0
        self.watch = None       # called with (step, {side: observation})

    def new_vip(self):
        self.next_vip += 1
        assert self.next_vip <= LAST_VIP, "no virtual address is left"
        return self.next_vip

    def play(self, scenario):
        """None, or the Failure."""
        return Run(self, scenario).play()

    def reset(self):
        """Ends every service but the keepers and brings the timeouts back; connections stay."""
        for side in self.sides:
            services, _ = side.services(lambda _: True)
            for key in services.keys() - KEEPERS:
                side.channel.ipvs(messages.DEL_SERVICE, messages.service_nest(key))
            for _, address, port in KEEPERS - services.keys():
                shown = f"[{address}]" if ":" in address else address
                side.quick(["-A", "-t", f"{shown}:{port}", "-s", "rr"])
            side.quick(["--set", *TIMEOUTS])
            side.receive()
        if self.next_vip > LAST_VIP - 10:
            self.drain()

    def drain(self):
        """Lets every connection end, so that addresses can be used again."""
        for _ in range(400):
            left = max((seconds for side in self.sides
                        for *_, seconds in side.channel.connections()), default=None)
            if left is None:
                self.next_vip = 0
                return
            time.sleep(max(1, left))
        raise TimeoutError("connections that do not end")


class Stale:
    """The kernel sums counters every two seconds; zeroing them, and deleting a destination that
    may come back, takes the last sum for the present. What that happened to is not compared."""

    def __init__(self):
        self.all = False
        self.keys = set()   # (service's key, destination's key or None)

    def command(self, words):
        if words[0] == "-Z":
            self.all = True
        if words[0] in ("-D", "-d"):
            service, dest = messages.named(words)
            self.keys.add((service, dest))

    def without(self, numbers):
        return {} if self.all else {
            key: value for key, value in numbers.items()
            if key not in self.keys and (key[0], None) not in self.keys}


class Run:
    """One scenario being played."""

    def __init__(self, player, scenario):
        self.player, self.sides, self.scenario = player, player.sides, scenario
        self.names = Names(scenario.family, player.new_vip)
        self.flows = {side: {} for side in self.sides}  # (protocol, client): who got it, as what
        self.arrivals = []
        self.settings, self.marked = set(), False
        self.differs = compare.valid_exceptions(scenario.differs)
        self.stale = Stale() if "stale-counters" in self.differs else None
        self.soonest = None     # when the next connection ends

    def play(self):
        self.player.reset()
        try:
            for index, step in enumerate(self.scenario.lines):
                lines = self.before(step) or self.step(step)
                if lines:
                    return Failure(index, step, lines)
            return None
        finally:
            for side in self.sides:
                for setting in self.settings:
                    side.sysctl(setting)
                if self.marked:
                    side.no_marks()

    def before(self, step):
        """Lets what is about to end do so first: which side is quicker there means nothing."""
        lines = []
        while not lines and self.soonest and self.soonest - time.monotonic() < ABOUT_TO_END_SEC:
            time.sleep(max(0.2, self.soonest - time.monotonic()))
            lines = self.settle(f"before: {step}", {side: Observation() for side in self.sides})
        return lines

    def step(self, step):
        words = step.split()
        verb = getattr(self, "do_" + words[0].replace("-", "_"), None)
        if not verb:
            raise BadScenario(f"no such step: {step}")
        return verb(words)

    # Commands.

    def do_ipvsadm(self, words):
        words = self.names.expand(" ".join(words)).split()
        looks = words[1] in LOOKS
        quick = self.player.quick and not looks

        if self.stale:
            self.stale.command(words[1:])

        def ask(side, observation):
            observation.output = (side.quick(words[1:]),) if quick else self.output(side, words)
        observations = self.each(ask)
        return self.settle(" ".join(words), observations, ask if looks else None)

    def output(self, side, words):
        status, shown, errors = side.run(words)
        if shown.startswith("IPVS connection entries"):
            own = [line for line in shown.splitlines(True)[2:]
                   if line.split()[VIRTUAL].rpartition(":")[0].strip("[]") in self.names.own()]
            shown = compare.listing("".join(shown.splitlines(True)[:2] + own))
        return status, shown, errors

    def do_sysctl(self, words):
        """sysctl NAME=VALUE [was DEFAULT]: set for the rest of the scenario."""
        name = words[1].partition("=")[0]
        if len(words) > 2:
            self.settings.add(f"{name}={words[3]}")

        def ask(side, observation):
            observation.output = side.sysctl(words[1])
        return self.settle(" ".join(words), self.each(ask))

    def do_mark(self, words):
        """mark tcp|udp|sctp ADDRESS:PORT MARK: packets there get this firewall mark."""
        self.marked = True
        protocol, target, mark = words[1:]
        address, port = self.names.endpoint(target)
        number = self.names.mark(mark.removeprefix("mark"))
        self.names.addresses.add(address)   # also of another host, with cache_bypass

        def ask(side, observation):
            observation.output = side.mark(protocol, address, port, number)
        return self.settle(" ".join(words), self.each(ask))

    # Packets.

    def sender(self, packet):
        """Who sends a packet, by its source address."""
        for network in SERVER_NETWORK.values():
            if packet.source[0].startswith(network):
                number = int(packet.source[0].removeprefix(network)) - 10
                return f"rs{(number - 1) % 3 + 1}"
        return "client"

    def send(self, *packets):
        for side in self.sides:
            for packet in packets:
                side.send(self.sender(packet), packet)

    def do_tcp(self, words):
        self.send(self.names.packet(words))
        return self.settle(" ".join(words))

    do_udp = do_sctp = do_tcp

    def do_answer(self, words):
        """answer tcp|udp|sctp CLIENT FLAGS: from the server that holds the client's connection, where the
        reply goes through the director."""
        client = self.names.endpoint(words[2])
        flags = words.pop(3) if words[1] != "udp" else ""
        for side in self.sides:
            who, address, port = self.flows[side].get((words[1], client), ("", "", 0))
            if any(address.startswith(network) for network in SERVER_NETWORK.values()):
                side.send(who, wire.Packet(words[1], (address, port), client, flags,
                                           **packet_options(words[3:])))
        return self.settle(" ".join(words))

    def do_arrive(self, words):
        """arrive N tcp|udp|sctp SERVICE: so many new clients, one after the other."""
        first, self.arrivals = len(self.arrivals), list(self.arrivals)
        for _ in range(int(words[1])):
            serial = len(self.arrivals)
            client = f"cl{NEW_CLIENTS + serial % 100}:{NEW_PORTS + serial}"
            flags = {"tcp": ["S"], "udp": [], "sctp": ["INIT"]}[words[2]]
            self.arrivals.append(self.names.packet([words[2], client, ">", words[3], *flags]))
        self.send(*self.arrivals[first:])
        return self.settle(" ".join(words))

    def do_expect(self, words):
        """expect rs3 - ...: who got the latest arrivals, in their order; - is nobody."""
        latest = self.arrivals[len(self.arrivals) - len(words[1:]):]
        lines = []
        for side in self.sides:
            got = [self.flows[side].get((packet.protocol, packet.source), ("-",))[0]
                   for packet in latest]
            if got != words[1:]:
                lines.append(f"{side.name} chose {' '.join(got)}")
        return lines

    # Time and numbers.

    def do_pause(self, words):
        time.sleep(float(words[1]))
        return self.settle(" ".join(words))

    def do_stats(self, words):
        """The counters, as soon as both sides show them."""
        return self.settle(" ".join(words), numbers=True)

    def do_load(self, words):
        """load N SECONDS PACKET: a packet N times a second."""
        packet = self.names.packet(words[3:])
        for _ in range(int(words[1]) * int(words[2])):
            start = time.monotonic()
            self.send(packet)
            for side in self.sides:
                side.receive()
            time.sleep(max(0, start + 1 / int(words[1]) - time.monotonic()))
        return []

    def do_rates(self, _):
        """The estimators' averages; to be asked under steady load."""
        return compare.rates_differ(*(self.look(side, Observation()) for side in self.sides))

    # Looking.

    def each(self, ask):
        observations = {side: Observation() for side in self.sides}
        for side, observation in observations.items():
            ask(side, observation)
        return observations

    def settle(self, step, observations=None, again=None, numbers=False):
        """Looks at both sides until they agree; the differences that remain."""
        observations = observations or {side: Observation() for side in self.sides}
        end, wait = time.monotonic() + SETTLE_SEC, FIRST_WAIT_SEC
        while True:
            for side, observation in observations.items():
                self.look(side, observation, numbers or bool(observation.output))
            lines = []
            if len(self.sides) == 2:
                lines = compare.differences(*observations.values(), numbers)
            if not lines or time.monotonic() > end:
                break
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SEC)
            if again:
                for side, observation in observations.items():
                    again(side, observation)
        if self.player.watch:
            self.player.watch(step, observations)
        seconds = [conn[2] for observation in observations.values()
                   for conn in observation.conns.values()]
        self.soonest = time.monotonic() + min(seconds) if seconds else None
        return lines

    def look(self, side, observation, fresh=True):
        """Brings an observation up to date."""
        for who, frame in side.receive():
            observation.frames.setdefault(who, []).append(frame)
            if who != "client":
                self.note(side, who, frame)
        observation.services, observation.numbers = side.services(self.is_own, fresh)
        if self.stale:
            observation.numbers = self.stale.without(observation.numbers)
        observation.conns = {
            (protocol, client, virtual): (state, dest, seconds)
            for protocol, client, virtual, dest, state, seconds
            in side.channel.connections(self.names.own())}
        for name in self.differs:
            compare.EXCEPTIONS[name][1](observation)
        return observation

    def is_own(self, key):
        if key[0] == "FWM":
            return key[2] in self.names.marks.values()
        return key[1] in self.names.own()

    def note(self, side, who, frame):
        """Remembers which server a client's packet reached, and in what form."""
        source, target, protocol, source_port, target_port = wire.ports(
            wire.innermost(frame[wire.ETHERNET_BYTES:])[0])
        word = {number: name for name, number in wire.PROTOCOLS.items()}.get(protocol)
        self.flows[side][word, (source, source_port)] = who, target, target_port

