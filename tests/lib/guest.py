#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a shell script in an emulated guest with one of the kernels found in /boot.

Two flavours:

  counting  everything in the initramfs, one CPU, `-icount`: one nanosecond of the guest's time is
            one instruction. The script sees busybox, the programs and files it asked for and
            nothing else; it runs under dash.
  host      the host's root, read-only, under an overlay: whatever the host has installed is there,
            at the same path; modprobe works; two CPUs; the script runs under bash. A directory of
            the host can be shared read-write: the guest sees it at /run/results.

Nothing is written to the host's disk: the initramfs lives in a memory file, and the emulator dies
with the process that started it.

From a shell:  tests/lib/guest.py [--flavour host] [--kernel 6.12] [--deadline SECONDS] [SCRIPT]
"""

import argparse
import codecs
import lzma
import os
import pathlib
import re
import selectors
import stat
import subprocess
import sys
import time
from dataclasses import dataclass

BOOT_TRIES = 3
BOOT_DEADLINE_SEC = 300
UP = "guest: up"
EXIT = r"^guest: exit (\d+)\n"

# What the initramfs of the host flavour needs before the host's own modules can be reached.
ROOT_MODULES = ("virtio_pci", "9p", "9pnet_virtio", "overlay")

MOUNTS = """
mount -t proc proc $root/proc
mount -t sysfs sysfs $root/sys
mount -t devtmpfs devtmpfs $root/dev
mkdir -p $root/dev/pts $root/dev/shm
mount -t devpts devpts $root/dev/pts
mount -t tmpfs tmpfs $root/run
mount -t bpf bpf $root/sys/fs/bpf
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
"""

INIT = {
    "counting": """#!/bin/dash
export PATH=/usr/sbin:/usr/bin:/applets HOME=/tmp root=
/usr/bin/busybox --install -s /applets
{mounts}
{insmod}
ip link set lo up
echo; echo "{up}"
/bin/dash /script
echo "guest: exit $?"
reboot -f
""",
    "host": """#!/bin/dash
export PATH=/usr/sbin:/usr/bin:/applets root=/new
/usr/bin/busybox --install -s /applets
{insmod}
mount -t tmpfs tmpfs /layer
mkdir /layer/upper /layer/work
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro host /host &&
mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work overlay /new ||
	reboot -f
{mounts}
mkdir /new/run/results
if [ -e /shares-results ]; then
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 results /new/run/results || reboot -f
fi
ip link set lo up
cp /script /usr/bin/busybox /new/run
# The first process itself changes root: the kernel looks for modprobe where that process does.
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \\
	/applets/chroot /new /bin/bash -c 'cd /; echo; echo "{up}"
		(. /run/script); echo "guest: exit $?"; /run/busybox reboot -f'
""",
}

INIT["steady"] = INIT["host"]

MACHINE = {
    "counting": ["-accel", "tcg,thread=single", "-smp", "1",
                 "-icount", "shift=0,sleep=off,align=off"],
    "host": ["-accel", "tcg,thread=multi", "-smp", "2"],
}
MACHINE["steady"] = MACHINE["counting"]
COMMAND_LINE = {
    "counting": "mitigations=off nokaslr",
    "host": "no_timer_check tsc=reliable",
}
COMMAND_LINE["steady"] = COMMAND_LINE["counting"]


class GuestError(Exception):
    """The guest did not boot, hung or died; the text holds what it said."""


@dataclass(frozen=True)
class Kernel:
    version: str
    image: str


@dataclass(frozen=True)
class Result:
    status: int
    output: str


def find_kernel(series):
    """The newest kernel of a series ("6.12") in /boot whose modules are installed, or None."""
    found = []
    for image in pathlib.Path("/boot").glob(f"vmlinuz-{series}.*"):
        version = image.name.removeprefix("vmlinuz-")
        if pathlib.Path("/lib/modules", version).is_dir():
            found.append(([int(n) for n in re.findall(r"\d+", version)], version, str(image)))
    return Kernel(*max(found)[1:]) if found else None


class Archive:
    """A cpio archive (newc) in memory: what the kernel unpacks as its first root."""

    def __init__(self):
        self.blob = bytearray()
        self.names = set()

    def _entry(self, name, mode, data=b""):
        self.names.add(name)
        encoded = name.encode() + b"\0"
        fields = [len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
        self.blob += b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
        self.blob += b"\0" * (-len(self.blob) % 4) + data
        self.blob += b"\0" * (-len(self.blob) % 4)

    def directory(self, name):
        name = name.strip("/")
        if name and name not in self.names:
            self.directory(os.path.dirname(name))
            self._entry(name, stat.S_IFDIR | 0o755)

    def link(self, name, target):
        self._entry(name.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def file(self, name, data):
        name = re.sub(r"^(bin|sbin|lib|lib64)/", r"usr/\1/", name.strip("/"))
        if name not in self.names:
            self.directory(os.path.dirname(name))
            self._entry(name, stat.S_IFREG | 0o755, data)

    def program(self, path, name=None):
        """A program of the host with every library it is linked to, each at its own path."""
        self.file(name or path, pathlib.Path(path).read_bytes())
        listing = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", listing):
            self.file(library, pathlib.Path(library).read_bytes())

    def finish(self):
        self._entry("TRAILER!!!", 0)
        return bytes(self.blob)


def module_files(kernel, name):
    """The files of a module and of those it needs, in loading order; none if it is built in."""
    shown = subprocess.run(["modprobe", "-S", kernel.version, "--show-depends", name],
                           capture_output=True, text=True, check=False)
    if shown.returncode:
        raise GuestError(f"kernel {kernel.version}: {shown.stderr.strip()}")
    return re.findall(r"^insmod (\S+)", shown.stdout, re.M)


def add_modules(archive, kernel, modules):
    """Puts modules ("name" or "name parameter=value...") into the archive; returns commands."""
    commands = {}
    for module in modules:
        name, _, parameters = module.partition(" ")
        for path in module_files(kernel, name):
            stem = os.path.basename(path).split(".ko")[0]
            if stem not in commands:
                data = pathlib.Path(path).read_bytes()
                if path.endswith(".xz"):
                    data = lzma.decompress(data)
                archive.file(f"modules/{stem}.ko", data)
                own = parameters if stem == name.replace("-", "_") else ""
                commands[stem] = f"insmod /modules/{stem}.ko {own}"
    return "\n".join(commands.values())


def build_initramfs(kernel, flavour, script, modules, programs, files, results):
    archive = Archive()
    for directory in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "proc", "sys", "dev", "run",
                      "tmp", "applets", "layer", "host", "new"):
        archive.directory(directory)
    for name in ("bin", "sbin", "lib", "lib64"):
        archive.link(name, f"usr/{name}")
    archive.link("usr/bin/sh", "dash")
    archive.program("/usr/bin/busybox")
    archive.program("/usr/bin/dash")
    for program in programs:
        archive.program(*([program] if isinstance(program, str) else program))
    for name, data in (files or {}).items():
        archive.file(name, data)
    if results:
        archive.file("shares-results", b"")
    insmod = add_modules(archive, kernel, modules if flavour == "counting" else ROOT_MODULES)
    archive.file("init", INIT[flavour].format(mounts=MOUNTS, insmod=insmod, up=UP).encode())
    archive.file("script", script.encode())
    return archive.finish()


def qemu_command(kernel, flavour, initramfs_fd, memory_mib, results):
    command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-M", "pc", "-cpu", "max",
               "-m", str(memory_mib), "-nodefaults", "-display", "none",
               "-serial", "stdio", "-no-reboot", *MACHINE[flavour],
               "-kernel", kernel.image, "-initrd", f"/proc/self/fd/{initramfs_fd}",
               "-append", f"console=ttyS0 quiet panic=-1 {COMMAND_LINE[flavour]}"]
    if flavour != "counting":
        shares = [("host", "/", ",readonly=on")] + ([("results", results, "")] if results else [])
        for tag, path, options in shares:
            command += ["-virtfs", f"local,path={path},mount_tag={tag},security_model=none,"
                        f"multidevs=remap{options}"]
    return command


class Emulator:
    """A running guest: its output so far, and an end to it whatever happens."""

    def __init__(self, command, initramfs_fd):
        self.process = subprocess.Popen(
            command, pass_fds=(initramfs_fd,), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.output = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def read_until(self, pattern, deadline_sec, silence_sec=None, on_output=None):
        """True when the output matches; False when the guest ended or a deadline passed."""
        end, start = time.monotonic() + deadline_sec, 0
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not re.compile(pattern, re.M).search(self.output, start):
                start = self.output.rfind("\n") + 1
                left = max(0, end - time.monotonic())
                if not selector.select(left if silence_sec is None else min(left, silence_sec)):
                    return False
                data = os.read(self.process.stdout.fileno(), 65536)
                if not data:
                    return False
                text = self.decoder.decode(data).replace("\r", "")
                self.output += text
                if on_output:
                    on_output(text)
        return True


def run_guest(kernel, script, flavour="counting", *, programs=(), files=None, modules=(),
              results=None, deadline_sec=600, silence_sec=None, on_output=None, memory_mib=1536):
    """Boots `kernel` (from find_kernel) and runs the text `script` in it; returns a Result.

    programs  counting: programs to bring along, a path or (path of the host, path in the guest)
    files     counting: {path in the guest: bytes}
    modules   counting: modules to load before the script starts, "name" or "name parameter=value"
    results   host: a directory of the host the guest may write to, at /run/results
    silence_sec  the longest the script may say nothing
    on_output    called with each piece of what the script says

    A guest that does not come up is tried again; GuestError when it never does, or when the script
    does not end before the deadline.
    """
    initramfs = build_initramfs(kernel, flavour, script, modules, programs, files, results)
    fd = os.memfd_create("initramfs")
    try:
        with open(fd, "wb", closefd=False) as memory:
            memory.write(initramfs)
        command = qemu_command(kernel, flavour, fd, memory_mib, results)
        for _ in range(BOOT_TRIES):
            with Emulator(command, fd) as guest:
                if not guest.read_until(f"^{UP}\n", BOOT_DEADLINE_SEC):
                    continue
                if on_output:
                    on_output(guest.output.split(UP + "\n", 1)[1])
                ended = guest.read_until(EXIT, deadline_sec, silence_sec, on_output)
                output = guest.output.split(UP + "\n", 1)[1]
                if not ended:
                    raise GuestError(f"kernel {kernel.version}: the script did not end; "
                                     f"output:\n{output}")
                match = re.search(EXIT, output, re.M)
                return Result(int(match[1]), output[:match.start()])
        raise GuestError(f"kernel {kernel.version} did not boot in {BOOT_TRIES} tries; "
                         f"output:\n{guest.output}")
    finally:
        os.close(fd)


def main():
    parser = argparse.ArgumentParser(description="Run a shell script in an emulated guest.")
    parser.add_argument("--flavour", choices=sorted(INIT), default="host")
    parser.add_argument("--kernel", default="6.12", help="series of the kernel, from /boot (6.12)")
    parser.add_argument("--deadline", type=int, default=600, help="seconds it may take (600)")
    parser.add_argument("script", nargs="?", help="file with the script (standard input)")
    args = parser.parse_args()
    kernel = find_kernel(args.kernel)
    if not kernel:
        sys.exit(f"guest: no kernel of the {args.kernel} series in /boot")
    script = pathlib.Path(args.script).read_text() if args.script else sys.stdin.read()
    try:
        result = run_guest(kernel, script, args.flavour, deadline_sec=args.deadline)
    except GuestError as error:
        sys.exit(f"guest: {error}")
    sys.stdout.write(result.output)
    sys.exit(result.status)


if __name__ == "__main__":
    main()
