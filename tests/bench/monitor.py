#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What xlvs-ldirectord costs with many real servers, and how fast a dead one goes.

    tests/bench/monitor.py [--servers N] [--seconds S]

N real servers (40 ports of N / 40 addresses, all of them one nginx in a namespace) are checked by
http every two seconds under a real director. Then half of them are black-holed, and after that
single servers of another virtual service, one after the other: the time until each is out of the
table is compared with checkinterval x failurecount + time limit.

xlvs-ldirectord has one CPU; the servers and the network between are on another, as they would be in
machines of their own. Without that, most of what they do counts as time of the process that sends.
"""

import argparse
import os
import sys
import time
from datetime import datetime, timezone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

from director import Director  # noqa: E402
from ldirectord import Ldirectord  # noqa: E402
from topology import Topology, V4  # noqa: E402
from wait import until  # noqa: E402

PORTS = range(20000, 20040)
INTERVAL_SEC, LIMIT_SEC, FAILURES = 2, 2, 1
NETWORK = "203.0.113"
VICTIMS = 10
HERTZ = os.sysconf("SC_CLK_TCK")
ITS_CPU, OTHER_CPU = 0, 1
RECEIVE_THERE = f"""
for queue in /sys/class/net/*/queues/rx-*/rps_cpus; do echo {1 << OTHER_CPU:x} > $queue; done
"""

NGINX = """
daemon off; master_process off; pid many.pid; error_log stderr; worker_rlimit_nofile 65536;
events {{ worker_connections 20000; }}
http {{
    access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{ {listen} default_type text/plain; location / {{ return 200 "fine\\n"; }} }}
}}
"""


def serve(server):
    """One nginx for all addresses and ports."""
    with open(os.path.join(server.directory, "many.conf"), "w") as conf:
        conf.write(NGINX.format(listen=" ".join(f"listen {port} backlog=4096;" for port in PORTS)))
    server.start("nginx", "-p", server.directory, "-c", "many.conf", "-e", "stderr")


def separate(topology, checks):
    """The servers' and the network's kernel work and nginx on one CPU, the checks on the other."""
    os.sched_setaffinity(checks.pid, {ITS_CPU})
    for space in (topology.switch, *topology.servers):
        space.run("sh", "-ec", RECEIVE_THERE)
        for child in space.children:
            os.sched_setaffinity(child.pid, {OTHER_CPU})


def cpu_sec(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def memory_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def connects(space):
    """TCP connections begun in a namespace so far: one for each check."""
    with space.entered(), open("/proc/thread-self/net/snmp") as snmp:
        names, values = [line.split() for line in snmp if line.startswith("Tcp:")]
    return int(values[names.index("ActiveOpens")])


def cost(topology, checks, seconds):
    """What a while of checking takes, as a line."""
    pid, space = checks.pid, topology.director
    cpu, began, before = cpu_sec(pid), time.monotonic(), connects(space)
    time.sleep(seconds)
    cpu, took, count = cpu_sec(pid) - cpu, time.monotonic() - began, connects(space) - before
    return (f"{count / took:.0f} checks a second, {100 * cpu / took:.0f} % of one core, "
            f"{1e6 * cpu / count:.0f} us a check; {memory_mib(pid):.0f} MiB at most; "
            f"oldest passed result {oldest_sec(checks):.1f} s")


def up(checks):
    return checks.status()["services"][0]["up"]


def oldest_sec(checks):
    """The age of the oldest last result: about the interval, unless the machine cannot keep up."""
    now = datetime.now(timezone.utc)
    return max((now - datetime.fromisoformat(server["last_result"]["at"])).total_seconds()
               for server in checks.status()["services"][0]["servers"]
               if server["last_result"]["up"])


def removal(topology, director, victim):
    """Seconds from the moment a server answers no more until it is out of the table."""
    server = topology.servers[0]
    server.ip(f"route del local {victim}/32 dev lo")
    began = time.monotonic()
    until("the server to go", lambda: victim not in director.ipvsadm(f"-Ln -t {V4.vip}:81"), 30,
          every=0.005)
    return time.monotonic() - began


def measure(servers, seconds):
    with Topology("two", 1) as topology:
        director = Director(topology).start()
        server = topology.servers[0]
        near = [f"{NETWORK}.{n}" for n in range(100, 110)]
        addresses = [f"{NETWORK}.{n}" for n in range(110, 110 + servers // len(PORTS))]
        server.ip(*(f"route add local {address}/32 dev lo" for address in near + addresses))
        topology.director.ip(f"route add {NETWORK}.0/24 via {server.address(V4)}")
        serve(server)
        reals = "".join(f"    real={address}:{port} masq\n"
                        for address in addresses for port in PORTS)
        victims = "".join(f"    real={address}:{PORTS[0]} masq\n" for address in near[:VICTIMS])
        checks = Ldirectord(topology, f"checkinterval={INTERVAL_SEC}\n"
                            f"negotiatetimeout={LIMIT_SEC}\nfailurecount={FAILURES}\n"
                            f"virtual={V4.vip}:80\n{reals}virtual={V4.vip}:81\n"
                            f"    service=http\n{victims}")
        began = time.monotonic()
        checks.start()
        count = len(addresses) * len(PORTS)
        until("all servers", lambda: up(checks) == count, 60, every=0.2)
        print(f"{count} servers up after {time.monotonic() - began:.1f} s")
        separate(topology, checks)
        print(f"all up: {cost(topology, checks, seconds)}")
        dead = addresses[len(addresses) // 2:]
        server.ip(*(f"route del local {address}/32 dev lo" for address in dead))
        left = count - len(dead) * len(PORTS)
        until("half of them to go", lambda: up(checks) == left, 60, every=0.2)
        print(f"{count - left} black-holed: {cost(topology, checks, seconds)}")
        times = [removal(topology, director, victim) for victim in near[:VICTIMS]]
        bound = INTERVAL_SEC * FAILURES + LIMIT_SEC
        print(f"{VICTIMS} servers one after the other: out of the table after "
              f"{min(times):.2f} to {max(times):.2f} s; interval x failures + limit is {bound} s")
        checks.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=20)
    chosen = parser.parse_args()
    measure(chosen.servers, chosen.seconds)


if __name__ == "__main__":
    main()
