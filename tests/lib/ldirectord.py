# SPDX-License-Identifier: GPL-2.0-or-later
"""Health checks in a topology's director namespace: xlvs-ldirectord, and Debian's ldirectord."""

import itertools
import json
import os
import signal
import subprocess
import threading

from director import program
from namespace import CommandFailed, stop_process
from wait import until

ORIGINAL = "/usr/sbin/ldirectord"

serials = itertools.count(1)


class Files:
    """A configuration file of its own name, which is also the pid file's, and a log."""

    def __init__(self, topology, text):
        self.name = f"xlvs-test-{os.getpid()}-{next(serials)}.cf"
        self.path = os.path.join(topology.directory, self.name)
        self.log = os.path.join(topology.directory, self.name + ".log")
        self.write(text)

    def write(self, text):
        """All at once, as an editor saves."""
        with open(self.path + ".new", "w") as file:
            file.write(f'logfile="{self.log}"\n{text}')
        os.rename(self.path + ".new", self.path)

    def read_log(self):
        if not os.path.exists(self.log):
            return []
        with open(self.log) as log:
            return [line.partition("] ")[2].rstrip("\n") for line in log]


class Ldirectord(Files):
    """xlvs-ldirectord with one configuration; the topology's end stops it."""

    def __init__(self, topology, text):
        super().__init__(topology, text)
        self.space = topology.director
        self.pidfile = f"/var/run/ldirectord.{self.name}.pid"
        topology.at_end(self.kill)

    def do(self, verb, *options, **more):
        return self.space.run(program("xlvs-ldirectord"), *options, self.path, verb, **more)

    def status_of(self, verb, *options):
        return self.do(verb, *options, check=False).returncode

    def start(self):
        self.do("start")
        return self

    def stop(self):
        self.do("stop")

    @property
    def pid(self):
        try:
            with open(self.pidfile) as file:
                return int(file.read())
        except FileNotFoundError:
            return None

    def kill(self):
        if self.pid:
            self.do("stop", check=False)

    def hang_up(self):
        os.kill(self.pid, signal.SIGHUP)

    def status(self):
        return json.loads(self.do("status", "--json").stdout)

    def server(self, name, service=0):
        """What the status says of one real server."""
        servers = self.status()["services"][service]["servers"]
        return next(server for server in servers if server["server"] == name)

    def wait_log(self, text):
        return until(f"{text!r} in the log of {self.name}",
                     lambda: [line for line in self.read_log() if text in line])


class Original(Files):
    """Debian's ldirectord, which calls our ipvsadm."""

    def __init__(self, topology, text):
        super().__init__(topology, text)
        self.space = topology.director
        self.directory = os.path.join(topology.directory, f"{self.name}.d")
        os.mkdir(self.directory)
        os.symlink(program("ipvsadm"), os.path.join(self.directory, "ipvsadm"))
        self.process = None
        topology.at_end(self.stop)

    def start(self):
        """With -d it stays in the foreground and takes ./ipvsadm."""
        with open(self.log, "w") as log:
            self.process = self.space.start(ORIGINAL, "-d", self.path, "start", cwd=self.directory,
                                            stdout=log, stderr=subprocess.STDOUT)
        return self

    def stop(self):
        if self.process and stop_process(self.process, 15) != 0:
            with open(self.log) as log:
                raise CommandFailed(f"{ORIGINAL} failed:\n{log.read()[-2000:]}")
        self.process = None


class History:
    """Every state of the director's table there is time to see: {service: {server: weight}}. Use in
    a `with` statement."""

    def __init__(self, director):
        self.director = director
        self.states = [self.table()]
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def table(self):
        table = {}
        for service, server, words in self.director.rows():
            if server is None:
                table[service] = {}
            else:
                table[service][server] = int(words[1])
        return table

    def look(self):
        while not self.ended.is_set():
            state = self.table()
            if state != self.states[-1]:
                self.states.append(state)
            self.ended.wait(0.02)

    def wait(self, table, seconds=20):
        """Until the table is this one; fails with what was seen instead."""
        try:
            until("the table", lambda: self.states[-1] == table, seconds)
        except TimeoutError:
            raise AssertionError(f"expected {table}, have {self.states[-1]}") from None
