#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the kernel's IPVS that uses its socket in one unusual way, named by the first argument.

It knows nothing of a director: it is run with the preload library, prints `ok` and exits with 0, or
fails. A line on standard input is its caller's turn, a line `next` on standard output its own.
"""

import ctypes
import errno
import os
import select
import socket
import struct
import sys
import threading

NETLINK_GENERIC = 16
CONTROL, GETFAMILY, NAME, NUMBER = 0x10, 3, 2, 1
ERROR, DONE = 2, 3
REQUEST, MULTI, ACK, DUMP = 1, 2, 4, 0x300
GET_SERVICE, GET_CONFIG, GET_INFO = 4, 13, 15
TIMEOUT_SEC = 5

# The old socket options.
ADD, DELETE, FLUSH, ADD_DEST, DELETE_DEST, EDIT_DEST = 1154, 1156, 1157, 1159, 1160, 1161
TIMEOUT, ZERO = 1162, 1167
VERSION, INFO, SERVICES, SERVICE, DESTS, GET_TIMEOUT, DAEMON = 1152, 1153, 1154, 1155, 1156, 1158, 1159


def attribute(number, data):
    return struct.pack("HH", 4 + len(data), number) + data + bytes(-len(data) % 4)


class Client:
    def __init__(self, sock=None):
        self.sock = sock or socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.sock.settimeout(TIMEOUT_SEC)
        if not sock:
            self.sock.bind((0, 0))
        self.sequence = 100
        self.ipvs = None

    def message(self, kind, command, flags=ACK, attributes=b""):
        self.sequence += 1
        return struct.pack("IHHIIBBH", 20 + len(attributes), kind, REQUEST | flags,
                           self.sequence, 0, command, 1, 0) + attributes

    def send(self, *words, **options):
        self.sock.send(self.message(*words, **options))

    def receive(self):
        """(type, flags, sequence, payload) of the next message."""
        data = self.sock.recv(65536)
        length, kind, flags, sequence, _ = struct.unpack_from("IHHII", data)
        assert length == len(data), "one message a datagram"
        return kind, flags, sequence, data[16:]

    def answer(self):
        """Payloads up to the end of the answer to the last request, and its errno."""
        payloads = []
        while True:
            kind, flags, sequence, payload = self.receive()
            assert sequence == self.sequence
            if kind == ERROR:
                return payloads, -struct.unpack_from("i", payload)[0]
            if kind == DONE:
                return payloads, 0
            payloads.append(payload)

    def ask(self, command, flags=ACK):
        self.send(self.ipvs, command, flags)
        return self.answer()

    def family(self, name):
        """The number of a generic netlink family, or None."""
        self.send(CONTROL, GETFAMILY, attributes=attribute(NAME, name.encode() + b"\0"))
        payloads, code = self.answer()
        if code:
            assert code == errno.ENOENT
            return None
        data = payloads[0][4:]
        while data:
            length, kind = struct.unpack_from("HH", data)
            if kind == NUMBER:
                return struct.unpack_from("H", data, 4)[0]
            data = data[(length + 3) & ~3:]
        raise AssertionError("a family without a number")

    def resolve(self):
        self.ipvs = self.family("IPVS")
        assert self.ipvs, "no director"
        return self

    def works(self):
        payloads, code = self.ask(GET_INFO)
        assert (len(payloads), code) == (1, 0), (payloads, code)


def turn():
    """Let the caller do something."""
    print("next", flush=True)
    assert sys.stdin.readline()


def plain():
    Client().resolve().works()


def blocking():
    """Without a timeout Python polls nothing before it receives."""
    client = Client()
    client.sock.settimeout(None)
    client.resolve().works()


def no_director():
    client = Client()
    assert client.family("IPVS") is None
    assert client.family("nlctrl") == CONTROL
    assert not os.access("/proc/net/ip_vs", os.F_OK) and not os.path.exists("/proc/net/ip_vs")


def addresses():
    """Where answers come from and what the socket is called is netlink's."""
    client = Client()
    name = client.sock.getsockname()
    client.resolve()
    assert client.sock.getsockname() == name and name[0]
    client.sock.sendto(client.message(client.ipvs, GET_INFO), (0, 0))
    _, address = client.sock.recvfrom(65536)
    assert address == (0, 0)
    _, _, _, address = client.sock.recvmsg(65536)
    assert address == (0, 0)
    client.sock.sendmsg([client.message(client.ipvs, GET_INFO)], [], 0, (0, 0))
    data, _, flags, _ = client.sock.recvmsg(16, 0, socket.MSG_PEEK | socket.MSG_TRUNC)
    assert len(data) == 16 and flags & socket.MSG_TRUNC
    assert client.answer()[1] == 0


def in_pieces():
    """A message gathered from several buffers; several messages in one."""
    client = Client().resolve()
    message = client.message(client.ipvs, GET_INFO)
    client.sock.sendmsg([message[:16], message[16:]])
    assert client.answer()[1] == 0
    first = client.message(client.ipvs, GET_INFO)
    client.sock.send(first + client.message(client.ipvs, GET_CONFIG))
    client.sequence -= 1
    assert len(client.answer()[0]) == 1
    client.sequence += 1
    assert len(client.answer()[0]) == 1


def foreign():
    """Questions to the kernel through the same socket, between those to IPVS."""
    client = Client().resolve()
    for _ in range(3):
        client.works()
        assert client.family("nlctrl") == CONTROL
        assert client.family("no such family") is None
        client.resolve()
    other = Client()
    assert other.family("nlctrl") == CONTROL and other.sock.getsockname()[0]
    # Nor is anything else that only looks like it.
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    message = client.message(CONTROL, GETFAMILY, attributes=attribute(NAME, b"IPVS\0"))
    pair[0].send(message)
    assert pair[1].recv(65536) == message
    route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    route.send(struct.pack("IHHIIB15x", 32, 18, REQUEST | DUMP, 1, 0, 0))
    assert struct.unpack_from("IH", route.recv(65536))[1] == 16


def duplicates():
    client = Client().resolve()
    copy = Client(socket.socket(fileno=os.dup(client.sock.fileno())))
    copy.ipvs = client.ipvs
    client.sock.close()
    copy.works()
    # A number that is given again is somebody else's.
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    os.dup2(pair[0].fileno(), copy.sock.fileno())
    pair[1].send(b"not ours")
    assert copy.sock.recv(100) == b"not ours"


def many():
    """More sockets than are ever carried at once, and a lasting one among them."""
    lasting = Client().resolve()
    for _ in range(600):
        Client().resolve().works()
    lasting.works()
    assert lasting.sock.getsockname()[0]
    assert len(os.listdir("/proc/self/fd")) < 20


def children():
    """A child uses the socket it inherited, and one of its own; a program that is executed and
    everything it closes change nothing for its parent."""
    client = Client().resolve()
    child = os.fork()
    if not child:
        client.works()
        Client().resolve().works()
        client.sock.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    client.works()
    pid = os.posix_spawn("/bin/true", ["true"], {}, file_actions=[
        (os.POSIX_SPAWN_CLOSE, client.sock.fileno())])
    assert os.waitpid(pid, 0)[1] == 0
    client.works()
    assert client.family("nlctrl") == CONTROL


def threads():
    failed = []

    def use():
        try:
            for _ in range(50):
                client = Client().resolve()
                client.works()
                client.sock.close()
        except BaseException as error:  # pylint: disable=broad-except
            failed.append(error)

    users = [threading.Thread(target=use) for _ in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert not failed, failed


def polls(wait, client):
    assert not wait(0)
    client.send(client.ipvs, GET_INFO)
    assert wait(TIMEOUT_SEC)
    assert client.answer()[1] == 0
    assert not wait(0)


def polled():
    """Registered before and after the family was resolved; the socket does not block."""
    client = Client()
    client.sock.setblocking(False)
    sets = select.epoll(), select.epoll()
    sets[0].register(client.sock, select.EPOLLIN)
    client.send(CONTROL, GETFAMILY, attributes=attribute(NAME, b"IPVS\0"))
    assert sets[0].poll(TIMEOUT_SEC) == [(client.sock.fileno(), select.EPOLLIN)]
    client.sock.settimeout(TIMEOUT_SEC)
    assert client.answer()[1] == 0
    client.resolve()
    sets[1].register(client.sock, select.EPOLLIN)
    poll = select.poll()
    poll.register(client.sock, select.POLLIN)
    for wait in (sets[0].poll, sets[1].poll, lambda sec: poll.poll(1000 * sec),
                 lambda sec: select.select([client.sock], [], [], sec)[0]):
        polls(wait, client)
    client.sock.setblocking(False)
    try:
        client.sock.recv(100)
    except BlockingIOError:
        return
    raise AssertionError("it received nothing")


def restarted():
    """The director is killed and started again; the socket is used all the while, also by polling.
    What could not be asked is refused at once."""
    client, polled_client = Client().resolve(), Client().resolve()
    idle = select.epoll()
    idle.register(polled_client.sock, select.EPOLLIN)
    turn()      # killed
    for _ in range(3):
        payloads, code = client.ask(GET_INFO)
        assert (payloads, code) == ([], errno.EBUSY), (payloads, code)
    # Without a request, nothing ever comes: and that does not keep a loop busy.
    assert idle.poll(TIMEOUT_SEC)
    polled_client.sock.setblocking(False)
    try:
        polled_client.sock.recv(100)
    except BlockingIOError:
        pass
    assert not idle.poll(0.05)
    fresh = Client()
    assert fresh.family("IPVS") is None
    assert client.family("IPVS") is None
    turn()      # started
    client.works()
    polled_client.sock.settimeout(TIMEOUT_SEC)
    polls(idle.poll, polled_client)
    fresh.resolve().works()


def unanswered():
    """The director stops, then dies, with the request read or not: the client hears of it."""
    client = Client().resolve()
    turn()      # stopped
    client.send(client.ipvs, GET_INFO)
    turn()      # killed
    assert client.answer() == ([], errno.EBUSY)
    turn()      # started
    client.works()


def elsewhere():
    """The socket is made in another network namespace than it is used from."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    with open(sys.argv[2]) as there:
        assert libc.setns(there.fileno(), 0) == 0
    client = Client()
    assert libc.setns(home, 0) == 0
    client.resolve().works()
    assert Client().family("IPVS") is None
    assert os.readlink("/proc/self/ns/net") == os.readlink(f"/proc/self/fd/{home}")


def legacy():
    """The socket options IPVS had before it had netlink messages."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def give(option, value=b""):
        try:
            sock.setsockopt(socket.IPPROTO_IP, option, value)
        except OSError as error:
            return error.errno
        return 0

    def ask(option, value):
        """Python's getsockopt() sends nothing along, so this is libc's."""
        buffer = ctypes.create_string_buffer(value, len(value))
        length = ctypes.c_int(len(value))
        if libc.getsockopt(sock.fileno(), socket.IPPROTO_IP, option, buffer, ctypes.byref(length)):
            return ctypes.get_errno(), None
        return 0, buffer.raw[:length.value]

    libc = ctypes.CDLL(None, use_errno=True)
    service = struct.pack("H2x4sH2xI16sIII", 6, socket.inet_aton("203.0.113.7"),
                          socket.htons(80), 0, b"wlc", 0, 0, 0xffffffff)
    dest = struct.pack("4sH2xIiII", socket.inet_aton("192.0.2.11"), socket.htons(8080), 0, 5, 0, 0)
    assert (len(service), len(dest)) == (44, 24)
    assert give(FLUSH) == 0
    assert give(ADD, service) == 0
    assert give(ADD, service) == errno.EEXIST
    assert give(ADD, service[:40]) == errno.EINVAL
    assert give(ADD, b"\x01" + service[1:]) == errno.EFAULT
    assert give(ADD_DEST, service + dest) == 0
    assert give(EDIT_DEST, service + dest[:12] + struct.pack("iII", 7, 0, 0)) == 0
    assert give(DELETE_DEST, service + bytes(4) + dest[4:]) == errno.ENOENT
    assert give(TIMEOUT, struct.pack("iii", 0, 0, 77)) == 0
    assert give(TIMEOUT, struct.pack("iii", 0, -1, 0)) == errno.EINVAL
    assert give(ZERO, bytes(44)) == 0
    assert give(1166, b"") == errno.EINVAL

    code, version = ask(VERSION, bytes(64))
    assert (code, version) == (0, b"IP Virtual Server version 1.2.1 (size=4096)\0")
    assert ask(VERSION, bytes(8)) == (errno.EINVAL, None)
    assert struct.unpack("III", ask(INFO, bytes(12))[1]) == (0x10201, 4096, 1)
    code, services = ask(SERVICES, struct.pack("I", 1) + bytes(4 + 104))
    assert code == 0 and services[8:18] == service[:10] and services[24:27] == b"wlc"
    assert struct.unpack_from("I", services, 8 + 44) == (1,)
    assert ask(SERVICES, struct.pack("I", 2) + bytes(4 + 104))[0] == errno.EINVAL
    assert ask(SERVICE, service[:16] + bytes(88))[1][16:19] == b"wlc"
    assert ask(SERVICE, service[:2] + bytes(102))[0] == errno.ESRCH
    code, dests = ask(DESTS, service[:16] + struct.pack("I", 1) + bytes(4 + 96))
    assert code == 0 and dests[24:30] == dest[:6]
    assert struct.unpack_from("i", dests, 24 + 12) == (7,)
    assert struct.unpack("iii", ask(GET_TIMEOUT, bytes(12))[1])[2] == 77
    assert ask(DAEMON, bytes(48)) == (0, bytes(48))
    assert give(DELETE, service) == 0
    assert give(DELETE, service) == errno.ESRCH
    # Options of others, and IPv6 sockets, are the kernel's.
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
    assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 9
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    assert give(FLUSH) == errno.ENOPROTOOPT


def files():
    """Every call that opens a file; what the director has no file for is not there."""
    with open("/proc/net/ip_vs") as file:
        text = file.read()
        file.seek(0)
        assert file.read() == text and text.startswith("IP Virtual Server version ")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fopen.restype = libc.fopen64.restype = ctypes.c_void_p
    for path in (b"/proc/net/ip_vs", b"/proc/self/net/ip_vs_conn", b"/proc/net/ip_vs_conn_sync",
                 b"/proc/net/ip_vs_stats", b"/proc/net/ip_vs_app"):
        for name in ("open", "open64"):
            assert os.read(getattr(libc, name)(path, os.O_RDONLY), 4)
        for name in ("openat", "openat64"):
            assert os.read(getattr(libc, name)(-100, path, os.O_RDONLY), 4)
        for name in ("fopen", "fopen64"):
            assert libc.fclose(ctypes.c_void_p(getattr(libc, name)(path, b"re"))) == 0
    assert libc.open(b"/proc/net/ip_vs", os.O_WRONLY) == -1
    assert ctypes.get_errno() == errno.ENOENT
    assert libc.open(b"/proc/net/ip_vs_nothing", os.O_RDONLY) == -1
    assert ctypes.get_errno() == errno.ENOENT
    path = f"/dev/shm/ip_vs-{os.getpid()}"
    os.close(libc.open(path.encode(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
    assert os.stat(path).st_mode & 0o777 == 0o640
    os.unlink(path)


def looks():
    """Every call that looks whether a file is there says the same of the director's."""
    libc = ctypes.CDLL(None, use_errno=True)
    path, here, found = b"/proc/net/ip_vs_conn_sync", -100, ctypes.create_string_buffer(256)
    calls = {"stat": (path, found), "stat64": (path, found), "lstat": (path, found),
             "lstat64": (path, found), "fstatat": (here, path, found, 0),
             "fstatat64": (here, path, found, 0), "statx": (here, path, 0, 0x7ff, found),
             "access": (path, os.R_OK), "eaccess": (path, os.R_OK), "euidaccess": (path, os.R_OK),
             "faccessat": (here, path, os.R_OK, 0)}
    for name, words in calls.items():
        assert getattr(libc, name)(*words) == 0, name
        words = (b"/proc/net/ip_vs_nothing" if word == path else word for word in words)
        assert getattr(libc, name)(*words) == -1 and ctypes.get_errno() == errno.ENOENT, name
    status = os.stat(path)
    assert (status.st_mode, status.st_size) == (0o100444, 0)
    assert not os.access(path, os.W_OK) and not os.access(path, os.X_OK)
    assert os.path.isfile("/proc/self/net/ip_vs_app") and os.path.isdir("/proc/net")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("ok")
