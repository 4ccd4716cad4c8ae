# SPDX-License-Identifier: GPL-2.0-or-later
"""Random scenarios: from a seed, about a hundred steps of an operator's and many clients' life.

The same seed gives the same text, in the language of scenario.py, so what failed can be kept as a
file.
"""

import random

from scenario import Scenario

STEPS = 100
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "fo", "ovf", "mh")
FLAGS = {"sh": ("sh-fallback", "sh-port"), "mh": ("mh-fallback", "mh-port")}
N_SERVERS, N_CLIENTS = 6, 25
N_NEAR = 2      # the servers with the highest numbers are used by DR and only so: doc/differences.md,
                # "a destination edited from NAT or TUN to DR"
PROTOCOLS = {"-t": "tcp", "-u": "udp", "--sctp-service": "sctp"}
PORTS = {"-t": (80, 443), "-u": (53, 123), "--sctp-service": (2905, 36412)}
FIRST = {"tcp": " S", "udp": "", "sctp": " INIT"}
TCP_FLAGS = ("A", "A", "PA", "FA", "FA", "R", "S", "SA", "RA")
CHUNKS = ("COOKIE-ECHO", "COOKIE-ECHO+DATA", "COOKIE-ACK", "DATA", "SACK", "INIT", "INIT-ACK",
          "SHUTDOWN", "SHUTDOWN-ACK", "SHUTDOWN-COMPLETE", "ABORT", "COOKIE-ECHO+ABORT", "ERROR")


class Generator:
    """Remembers what the scenario has configured and opened so far, right or wrong as it was."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.services = {}  # "-t vip:80": {"rs1:80", ...}
        self.flows = []     # (protocol, client, service's endpoint)

    def lines(self):
        pick = self.random.choice
        lines = [f"ipvsadm --set {pick((15, 30, 60))} {pick((10, 25))} {pick((15, 35))}"]
        lines += [self.add_service(), self.add_dest(), self.add_dest()]
        steps = {self.arrive: 30, self.go_on: 16, self.answer: 14, self.add_dest: 9,
                 self.edit_dest: 9, self.delete_dest: 6, self.add_service: 4,
                 self.edit_service: 4, self.delete_service: 2, self.pause: 2, self.zero: 1,
                 self.stranger: 2}
        while len(lines) < STEPS:
            step = self.random.choices(list(steps), list(steps.values()))[0]()
            if step:
                lines.append(step)
        return lines + ["stats"]

    def any_service(self):
        return self.random.choice(list(self.services)) if self.services else self.new_name()

    def new_name(self):
        protocol = self.random.choice(("-t", "-t", "-u", "--sctp-service"))
        port = self.random.choice(PORTS[protocol])
        return f"{protocol} vip{self.random.choice(('', '2'))}:{port}"

    def scheduler(self):
        chosen = self.random.choice(SCHEDULERS)
        flags = [flag for flag in FLAGS.get(chosen, ()) if self.random.random() < 0.5]
        return f"-s {chosen}" + (f" -b {','.join(flags)}" if flags else "")

    def add_service(self):
        service = self.new_name()
        self.services.setdefault(service, set())
        return f"ipvsadm -A {service} {self.scheduler()}"

    def edit_service(self):
        return f"ipvsadm -E {self.any_service()} {self.scheduler()}"

    def delete_service(self):
        service = self.any_service()
        self.services.pop(service, None)
        return f"ipvsadm -D {service}"

    def dest_words(self, service, number):
        method = "-g" if number > N_SERVERS - N_NEAR else self.random.choice(("-m", "-m", "-i"))
        port = int(service.rpartition(":")[2])
        if method == "-m" and self.random.random() < 0.3:
            port += 8000
        weight = self.random.choice((0, 1, 1, 2, 3, 5, 100))
        return f"rs{number}:{port}", f"{method} -w {weight}"

    def add_dest(self):
        service = self.any_service()
        dest, words = self.dest_words(service, self.random.randint(1, N_SERVERS))
        if service in self.services:
            self.services[service].add(dest)
        return f"ipvsadm -a {service} -r {dest} {words}"

    def known_dest(self, service):
        known = sorted(self.services.get(service, ()))
        return self.random.choice(known) if known else None

    def edit_dest(self):
        service = self.any_service()
        dest = self.known_dest(service)
        if not dest:
            return self.add_dest()
        _, words = self.dest_words(service, int(dest.partition(":")[0][2:]))
        if int(dest.rpartition(":")[2]) > 8000:     # another method would name another port
            words = words.replace("-i", "-m")
        return f"ipvsadm -e {service} -r {dest} {words}"

    def delete_dest(self):
        service = self.any_service()
        dest = self.known_dest(service)
        if not dest:
            return None
        if self.random.random() < 0.5:
            self.services[service].discard(dest)
        return f"ipvsadm -d {service} -r {dest}"

    def arrive(self):
        service = self.any_service()
        protocol = PROTOCOLS[service.split()[0]]
        client = f"cl{self.random.randint(1, N_CLIENTS)}:{self.random.randint(1000, 1039)}"
        target = service.split()[1]
        self.flows.append((protocol, client, target))
        return f"{protocol} {client} > {target}{FIRST[protocol]}"

    def flow(self):
        return self.random.choice(self.flows[-20:]) if self.flows else None

    def word(self, protocol, *more_flags):
        """What a packet of a connection may say."""
        words = {"tcp": (*TCP_FLAGS, *more_flags), "sctp": CHUNKS, "udp": ("",)}[protocol]
        return " " + self.random.choice(words)

    def go_on(self):
        if not self.flows:
            return None
        protocol, client, target = self.flow()
        flags = self.word(protocol)
        return f"{protocol} {client} > {target}{flags} len={self.random.choice((0, 1, 100, 1000))}"

    def answer(self):
        if not self.flows:
            return None
        protocol, client, _ = self.flow()
        flags = self.word(protocol, "SA", "SA")
        return f"answer {protocol} {client}{flags} len={self.random.choice((0, 1, 100, 1000))}"

    def stranger(self):
        """Something no service was made for."""
        return f"tcp cl{self.random.randint(1, N_CLIENTS)}:2000 > vip:{self.random.choice((22, 80))} A"

    def pause(self):
        return f"pause {self.random.choice((1, 5, 12, 25))}"

    def zero(self):
        return f"ipvsadm -Z {self.any_service()}"


def scenario(seed):
    family = 4 if seed % 3 else 6
    return Scenario(f"random seed {seed}", family, Generator(seed).lines(), ["icmp-errors", "stale-counters"])
