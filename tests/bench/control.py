#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What commands cost when the tables are large: prints "NAME NUMBER" lines.

    unshare --net tests/bench/control.py [--services N] [--connections N]

Services with ten destinations each, all of different addresses behind a router, are restored,
listed, saved and cleared; then as many connections as asked for are opened and listed, while
somebody else asks the director too. Times are in milliseconds, memory in KiB. Two checks go along:
what is saved is what was restored, and every connection is listed once.

Runs in a network namespace nothing else uses, which becomes the director. Set by who runs this:
BENCH, the folder of the harness; XLVS, the folder of xlvsd and ipvsadm.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

BENCH, XLVS = os.environ.get("BENCH", "."), os.environ.get("XLVS", ".")
IPVSADM, XLVSD = f"{XLVS}/ipvsadm", f"{XLVS}/xlvsd"
READY_SEC = 30
TICKS_PER_SEC = os.sysconf("SC_CLK_TCK")


def ip(*commands):
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True)


def network():
    ip("link set lo up",
       "link add d0 type veth peer name g0",
       "address add 192.0.2.254/24 dev d0",
       "link set d0 up", "link set g0 up",
       "neigh add 192.0.2.1 lladdr 02:00:00:00:01:01 nud permanent dev d0",
       "route add default via 192.0.2.1")


class Director:
    def __init__(self, connections):
        self.log = tempfile.TemporaryFile("w+")
        self.daemon = subprocess.Popen([XLVSD, "-i", "d0", "--connections", str(connections)],
                                       stderr=self.log)
        deadline = time.monotonic() + READY_SEC
        while not self.said().endswith("ready\n"):
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"xlvsd is not ready:\n{self.said()}")
            time.sleep(0.05)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def cpu_sec(self):
        with open(f"/proc/{self.daemon.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SEC

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait()


def memory_kib(pid, field):
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) for line in status if line.startswith(field)), 0)
    except FileNotFoundError:
        return 0


def report(name, number):
    print(f"{name} {number:.1f}", flush=True)


def timed(director, name, *words, stdin=None):
    """Run a command; report its time, and the CPU time of it and the daemon together."""
    before = os.times()
    daemon, start = director.cpu_sec(), time.monotonic()
    done = subprocess.run([IPVSADM, *words], input=stdin, capture_output=True, text=True)
    report(f"{name}-ms", 1000 * (time.monotonic() - start))
    after = os.times()
    cpu = (after.children_user + after.children_system - before.children_user -
           before.children_system + director.cpu_sec() - daemon)
    report(f"{name}-cpu-ms", 1000 * cpu)
    if done.returncode or done.stderr:
        sys.exit(f"ipvsadm {' '.join(words)}: exit status {done.returncode}\n{done.stderr[:2000]}")
    return done.stdout


def rules(services):
    lines = []
    for i in range(services):
        host = f"{i >> 8}.{i & 255}"
        lines.append(f"-A -t 203.0.{host}:80 -s wlc")
        lines += [f"-a -t 203.0.{host}:80 -r 10.{j}.{host}:80 -m -w {j + 1}" for j in range(10)]
    return lines


def measure_rules(director, services):
    lines = rules(services)
    timed(director, "restore", "-R", stdin="\n".join(lines) + "\n")
    listed = timed(director, "list", "-Ln").splitlines()
    saved = timed(director, "save", "-Sn").splitlines()
    if saved != lines or len(listed) != 3 + len(lines):
        sys.exit(f"{len(lines)} rules restored, {len(saved)} saved, {len(listed)} lines listed")
    timed(director, "clear", "-C")


class Others(threading.Thread):
    """Somebody else's commands meanwhile."""

    def __init__(self):
        super().__init__()
        self.over = threading.Event()
        self.slowest_sec = 0
        self.start()

    def run(self):
        while not self.over.wait(0.02):
            start = time.monotonic()
            subprocess.run([IPVSADM, "-Ln"], stdout=subprocess.DEVNULL, check=True)
            self.slowest_sec = max(self.slowest_sec, time.monotonic() - start)

    def end(self):
        self.over.set()
        self.join()
        return self.slowest_sec


def open_connections(count):
    subprocess.run([IPVSADM, "-A", "-u", "203.0.113.1:80", "-s", "rr"], check=True)
    subprocess.run([IPVSADM, "-a", "-u", "203.0.113.1:80", "-r", "192.0.2.1"], check=True)
    link = subprocess.run(["ip", "-json", "link", "show", "d0"], stdout=subprocess.PIPE, check=True)
    [mac] = [link["address"] for link in json.loads(link.stdout)]
    subprocess.run([f"{BENCH}/live", "-w", "g0", f"mac={mac}", "frame=udp", f"flows={count}",
                    "dst=203.0.113.1:80"], check=True)


def measure_connections(director, count):
    open_connections(count)
    before = memory_kib(director.daemon.pid, "RssAnon")
    start, rows, most = time.monotonic(), 0, 0
    with subprocess.Popen([IPVSADM, "-Lnc"], stdout=subprocess.PIPE) as listing:
        for _ in range(3):
            listing.stdout.readline()
        report("first-connection-ms", 1000 * (time.monotonic() - start))
        rows, others = 1, Others()
        while piece := listing.stdout.read(1 << 20):
            rows += piece.count(b"\n")
            most = max(most, memory_kib(listing.pid, "VmRSS"))
    report("all-connections-ms", 1000 * (time.monotonic() - start))
    report("slowest-other-ms", 1000 * others.end())
    report("client-kib", most)
    report("daemon-grew-kib", memory_kib(director.daemon.pid, "RssAnon") - before)
    if listing.returncode or rows != count:
        sys.exit(f"{count} connections opened, {rows} listed, exit status {listing.returncode}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=1_000_000)
    args = parser.parse_args()
    network()
    director = Director(2 * args.connections)
    try:
        measure_rules(director, args.services)
        measure_connections(director, args.connections)
    finally:
        director.stop()


main()
