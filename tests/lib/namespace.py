# SPDX-License-Identifier: GPL-2.0-or-later
"""A network namespace as an object: run commands in it, open sockets in it, delete it.

Names are xlvs-lab-PID-GROUP-NAME, PID being the process that made them and GROUP what it made them
for. So two runs never meet, and what a killed run left behind is recognised by its dead PID.
"""

import contextlib
import ctypes
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from wait import until

PREFIX = "xlvs-lab"
NETNS_DIR = "/run/netns"
CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(Exception):
    """A command that had to succeed did not; the text holds what it printed."""


TIMEOUT_SEC = 60    # of a command that should take no time


def run(args, check=True, stdin=None, timeout=None):
    """Run a command to its end; returns its CompletedProcess with text output."""
    args = [str(arg) for arg in args]
    given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(args, capture_output=True, text=True,
                          timeout=timeout or TIMEOUT_SEC, **given)
    if check and done.returncode:
        raise CommandFailed(f"{' '.join(args)}: exit status {done.returncode}\n"
                            f"{done.stdout}{done.stderr}")
    return done


def set_netns(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """One network namespace, made by the constructor. Whoever makes one calls delete_group() in
    the end, also when the constructor was interrupted."""

    def __init__(self, group, name):
        self.name = name
        self.netns = f"{PREFIX}-{os.getpid()}-{group}-{name}"
        self.children = []
        run(["ip", "netns", "add", self.netns])
        self.fd = os.open(f"{NETNS_DIR}/{self.netns}", os.O_RDONLY | os.O_CLOEXEC)
        self.ip("link set lo up")
        # No addresses in doubt and none learned by themselves: tests know every one of them.
        for scope in ("all", "default"):
            self.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
            self.sysctl(f"net.ipv6.conf.{scope}.accept_dad", 0)
            self.sysctl(f"net.ipv6.conf.{scope}.accept_ra", 0)

    def __repr__(self):
        return self.netns

    def ip(self, *commands):
        """Run iproute2 commands, each one line without the leading `ip`."""
        run(["ip", "-n", self.netns, "-batch", "-"], stdin="\n".join(commands) + "\n")

    def sysctl(self, name, value):
        """Write a net.* sysctl; interfaces are written with dots, as `sysctl` takes them."""
        with self.entered(), open("/proc/sys/" + name.replace(".", "/"), "w") as file:
            file.write(str(value))

    def command(self, *args):
        """The words that run a command inside the namespace."""
        return ["ip", "netns", "exec", self.netns, *(str(arg) for arg in args)]

    def run(self, *args, **options):
        return run(self.command(*args), **options)

    def start(self, *args, **options):
        """Start a process that dies with us at the latest; close() ends it."""
        child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command(*args)],
                                 stdin=subprocess.DEVNULL, start_new_session=True, **options)
        self.children.append(child)
        return child

    @contextlib.contextmanager
    def entered(self):
        """The calling thread stands in the namespace inside the `with` block."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            set_netns(self.fd)
            try:
                yield
            finally:
                set_netns(home)
        finally:
            os.close(home)

    def enter(self):
        """Move the calling thread here for the rest of its life."""
        set_netns(self.fd)

    def socket(self, *args):
        """A socket that belongs to the namespace, usable from any thread."""
        with self.entered():
            return socket.socket(*args)

    def mac(self, interface="eth0"):
        with self.entered():
            return socket_mac(interface)

    def close(self):
        """End what start() began and let go of the namespace."""
        for child in self.children:
            stop_process(child)
        self.children = []
        os.close(self.fd)


def socket_mac(interface):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as packet:
        packet.bind((interface, 0))
        return packet.getsockname()[4].hex(":")


def stop_process(child, seconds=10):
    """SIGTERM, and SIGKILL when that has no effect in time. Returns the exit status."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    return child.returncode


def link(one, one_interface, other, other_interface):
    """A veth pair between two namespaces, both ends up.

    XDP must find whole checksums and VLAN tags in the frames, so no end may leave them undone.
    """
    one.ip(f"link add {one_interface} type veth peer name {other_interface} netns {other.netns}")
    for namespace, interface in ((one, one_interface), (other, other_interface)):
        namespace.run("ethtool", "-K", interface, "tx", "off", "txvlan", "off")
        namespace.ip(f"link set {interface} up")


def delete(names):
    """End what runs inside these namespaces and remove them."""
    for name in names:
        for pid in pids(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        until(f"the processes of {name} to end", lambda name=name: not pids(name))
        run(["ip", "netns", "del", name])


def pids(name):
    return run(["ip", "netns", "pids", name]).stdout.split()


def made():
    """(name, PID of the maker, group) of every namespace of ours."""
    try:
        names = os.listdir(NETNS_DIR)
    except FileNotFoundError:
        return []
    found = (re.fullmatch(PREFIX + r"-(\d+)-(\w+)-.+", name) for name in sorted(names))
    return [(match[0], int(match[1]), match[2]) for match in found if match]


def delete_group(group):
    """Remove the namespaces this process made for a group."""
    delete(name for name, pid, its_group in made() if (pid, its_group) == (os.getpid(), group))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def sweep():
    """Remove the namespaces and directories of runs whose process is gone; returns the former."""
    dead = [name for name, pid, _ in made() if not alive(pid)]
    delete(dead)
    for directory in glob.glob(f"{tempfile.gettempdir()}/{PREFIX}-*-*"):
        pid = os.path.basename(directory)[len(PREFIX) + 1:].partition("-")[0]
        if pid.isdigit() and not alive(pid):
            shutil.rmtree(directory, ignore_errors=True)
    return dead
