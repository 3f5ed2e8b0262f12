#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The stand-in's hypervisor and xenstored, in the place of Xen's.

machine.py FOLDER DOMAIN: serves xenstore (Xen's docs/misc/xenstore.txt, on the
sockets where libxenstore looks for it) and FOLDER/hypervisor, a line a request,
which libxl.c beside this speaks. A domain is FOLDER/domains/UUID; unpaused, it
is the program DOMAIN with FOLDER/domains/UUID/root for its root, where the
initial ram disk has been unpacked. Who destroys a domain kills that program,
and with it all that runs there."""

import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

FOLDER, DOMAIN = sys.argv[1:]
DOMAINS, BY_DOMID = FOLDER + "/domains", FOLDER + "/by-domid"
CGROUPS = FOLDER + "/cgroup/xen"  # beside that of the machine's own processes
XENSTORED = "/var/run/xenstored"
FREE_KIB = 16 << 20  # of the machine without a guest
PAGE = 4096
CONSOLE_OUT = 1024  # struct xencons_interface: in, out, and four indices
CONSOLE_OUT_LEN = 2048
CONSOLE_OUT_PROD = CONSOLE_OUT + CONSOLE_OUT_LEN + 12

selector = selectors.DefaultSelector()


class Refused(Exception):
    """Its text is the name of an error number."""


class Client:
    """A connection, which reads when there is something to be read."""

    def __init__(self, connection):
        self.connection, self.data = connection, b""
        selector.register(connection, selectors.EVENT_READ, self.on_readable)

    def on_readable(self):
        try:
            data = self.connection.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.close()
            return
        self.data += data
        self.take()

    def send(self, data):
        try:
            self.connection.sendall(data)
        except OSError:
            pass  # it has gone; on_readable() will be told

    def close(self):
        selector.unregister(self.connection)
        self.connection.close()


def listen(path, client):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    selector.register(listener, selectors.EVENT_READ, lambda: client(listener.accept()[0]))
    return listener


# xenstore

DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, START, END = 1, 2, 3, 4, 5, 6, 7
GET_DOMAIN_PATH, WRITE, MKDIR, RM, SET_PERMS, WATCH_EVENT, ERROR = 10, 11, 12, 13, 14, 15, 16

nodes = {"/": (b"", ["n0"])}  # path: value and permissions, a node that is written is a new tuple
stores = []  # of all connections


def parent(path):
    return path.rsplit("/", 1)[0] or "/"


class Transaction:
    def __init__(self):
        self.start, self.nodes, self.touched, self.changed = dict(nodes), dict(nodes), set(), []


class Store(Client):
    def __init__(self, connection, domid):
        super().__init__(connection)
        self.domid, self.watches, self.transactions, self.last = domid, [], {}, 0
        stores.append(self)

    def close(self):
        stores.remove(self)
        super().close()

    def take(self):
        while len(self.data) >= 16:
            kind, request, number, length = struct.unpack("<IIII", self.data[:16])
            if len(self.data) < 16 + length:
                return
            body, self.data = self.data[16:16 + length], self.data[16 + length:]
            try:
                answer = self.obey(kind, number, body)
            except Refused as refused:
                kind, answer = ERROR, str(refused).encode() + b"\0"
            self.send(struct.pack("<IIII", kind, request, number, len(answer)) + answer)
            if kind == WATCH:  # each begins with an event
                self.tell(*self.watches[-1])

    def tell(self, shown, token, _path):
        body = shown + b"\0" + token + b"\0"
        self.send(struct.pack("<IIII", WATCH_EVENT, 0, 0, len(body)) + body)

    def absolute(self, text):
        text = text.decode()
        if text.startswith("@"):
            return text
        path = text if text.startswith("/") else f"/local/domain/{self.domid}/{text}"
        if len(path) > 1 and path.endswith("/") or "//" in path:
            raise Refused("EINVAL")
        return path

    def may(self, node, access):
        if self.domid == 0 or node[1][0][1:] == str(self.domid):
            return True
        mode = next((p[0] for p in node[1][1:] if p[1:] == str(self.domid)), node[1][0][0])
        return mode in (access, "b")

    def look(self, transaction, path, access):
        if transaction:
            transaction.touched.add(path)
        node = (transaction.nodes if transaction else nodes).get(path)
        if node and not self.may(node, access):
            raise Refused("EACCES")
        return node

    def change(self, transaction, path, node):
        where = transaction.nodes if transaction else nodes
        if node:
            where[path] = node
        else:
            for name in [p for p in where if p == path or p.startswith(path + "/")]:
                del where[name]
                if transaction:
                    transaction.touched.add(name)
        if transaction:
            transaction.changed.append(path)
        else:
            fire(path)

    def make(self, transaction, path, value):
        above = parent(path)
        node = self.look(transaction, above, "w")
        if not node:
            self.make(transaction, above, b"")
            node = self.look(transaction, above, "w")
        permissions = list(node[1])
        if self.domid:
            permissions[0] = permissions[0][0] + str(self.domid)
        self.change(transaction, path, (value, permissions))

    def obey(self, kind, number, body):
        if kind in (START, END):
            return self.transact(kind, number, body)
        transaction = self.transactions.get(number)
        if number and not transaction:
            raise Refused("ENOENT")
        words = body.split(b"\0")
        if kind == GET_DOMAIN_PATH:
            return b"/local/domain/" + words[0] + b"\0"
        path = self.absolute(words[0])
        if kind == WATCH:
            self.watches.append((words[0], words[1], path))
            return b"OK\0"
        if kind == UNWATCH:
            if (words[0], words[1], path) not in self.watches:
                raise Refused("ENOENT")
            self.watches.remove((words[0], words[1], path))
            return b"OK\0"
        if kind == WRITE:
            value = body[len(words[0]) + 1:]
            node = self.look(transaction, path, "w")
            if node:
                self.change(transaction, path, (value, node[1]))
            else:
                self.make(transaction, path, value)
            return b"OK\0"
        if kind == MKDIR:
            if not self.look(transaction, path, "w"):
                self.make(transaction, path, b"")
            return b"OK\0"
        node = self.look(transaction, path, "w" if kind in (RM, SET_PERMS) else "r")
        if not node:
            if kind == RM and self.look(transaction, parent(path), "w"):
                return b"OK\0"
            raise Refused("ENOENT")
        if kind == READ:
            return node[0]
        if kind == DIRECTORY:
            below = path.rstrip("/") + "/"
            names = (p[len(below):] for p in (transaction.nodes if transaction else nodes) if p.startswith(below) and p != "/")
            return "".join(n + "\0" for n in sorted(names) if "/" not in n).encode()
        if kind == GET_PERMS:
            return "".join(p + "\0" for p in node[1]).encode()
        if kind == SET_PERMS:
            if self.domid and node[1][0][1:] != str(self.domid):
                raise Refused("EACCES")
            self.change(transaction, path, (node[0], [w.decode() for w in words[1:-1]]))
            return b"OK\0"
        if kind == RM:
            self.change(transaction, path, None)
            return b"OK\0"
        raise Refused("ENOSYS")

    def transact(self, kind, number, body):
        if kind == START:
            self.last += 1
            self.transactions[self.last] = Transaction()
            return str(self.last).encode() + b"\0"
        t = self.transactions.pop(number, None)
        if not t:
            raise Refused("ENOENT")
        if body.startswith(b"F"):
            return b"OK\0"
        if any(nodes.get(p) is not t.start.get(p) for p in t.touched):
            raise Refused("EAGAIN")
        for path in t.touched | {p for c in t.changed for p in t.nodes if p == c}:
            if path in t.nodes:
                nodes[path] = t.nodes[path]
            else:
                nodes.pop(path, None)
        for path in t.changed:
            fire(path)
        return b"OK\0"


def fire(path):
    watch_disks(path)
    for store in list(stores):
        for shown, token, watched in list(store.watches):
            if watched.startswith("@") or path.startswith("@"):
                if watched == path:
                    store.tell(shown, token, watched)
            elif watched == path or watched.startswith(path + "/"):
                store.tell(shown, token, watched)
            elif path.startswith(watched.rstrip("/") + "/"):
                store.tell(shown if path == watched else shown + path[len(watched):].encode(), token, watched)


# The hypervisor

VBD = "/local/domain/0/backend/vbd/"
domains = {}


def watch_disks(path):
    """As a guest's blkfront would, for disks that come after its start."""
    words = path[len(VBD):].split("/") if path.startswith(VBD) else []
    domain = domains.get(int(words[0])) if words else None
    if not domain or not domain.process or len(words) < 2:
        return
    value = nodes.get(path, (b"",))[0].decode()
    if words[2:] == ["physical-device"] and value:
        domain.plug(int(words[1]), value)
    elif len(words) == 2 and path not in nodes or words[2:] == ["state"] and value == "5":
        domain.plug(int(words[1]), "")
last_domid = 0


class Domain:
    def __init__(self, uuid, kib, name, ramdisk):
        global last_domid
        last_domid += 1
        self.domid, self.uuid, self.kib, self.name, self.ramdisk = last_domid, uuid, int(kib), name, ramdisk
        self.folder, self.cgroup = f"{DOMAINS}/{uuid}", f"{CGROUPS}/{last_domid}"
        self.vcpus = 1
        self.weight, self.cap = 256, 0
        self.process, self.reason, self.awaiting, self.paused, self.listeners = None, None, [], True, []
        xen = self.folder + "/root/xen"
        os.makedirs(xen)
        os.makedirs(self.folder + "/root/var/run/xenstored")
        os.makedirs(self.cgroup)
        os.symlink(self.folder, f"{BY_DOMID}/{self.domid}")
        with open(xen + "/memory", "wb") as f:
            f.truncate(PAGE)
        with open(xen + "/grants", "wb") as f:
            f.write(b"\1")  # the console's page
        self.memory = open(xen + "/memory", "r+b", buffering=0)
        self.socket = listen(self.folder + "/root/var/run/xenstored/socket", lambda c: Store(c, self.domid))

    def print(self, text):
        """As xenconsoled finds it: in a ring of the domain's own page."""
        with open(self.folder + "/console", "ab") as f:
            f.write(text)
        produced = struct.unpack("<I", os.pread(self.memory.fileno(), 4, CONSOLE_OUT_PROD))[0]
        for byte in text.replace(b"\n", b"\r\n"):
            os.pwrite(self.memory.fileno(), bytes([byte]), CONSOLE_OUT + produced % CONSOLE_OUT_LEN)
            produced += 1
        os.pwrite(self.memory.fileno(), struct.pack("<I", produced), CONSOLE_OUT_PROD)

    def unpause(self):
        self.paused = False
        if self.process or self.reason is not None:
            self.freeze(False)
            return
        disk = nodes.get(f"{VBD}{self.domid}/51712/physical-device", (b"",))[0].decode()
        with open(self.ramdisk, "rb") as ramdisk:
            unpacked = subprocess.run(["busybox", "cpio", "-i", "-d", "-u"], cwd=self.folder + "/root",
                                      stdin=ramdisk, stderr=subprocess.DEVNULL, check=False)
        if unpacked.returncode or not os.path.exists(self.folder + "/root/init"):
            self.print(b"Kernel panic - not syncing: No working init found.\n")
            self.shut_down(3)
            return
        self.process = subprocess.Popen([DOMAIN, self.folder + "/root", self.cgroup, disk], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        selector.register(self.process.stdout, selectors.EVENT_READ, self.on_output)

    def plug(self, number, device):
        """MAJOR:MINOR is a disk of the guest's; without, none is any more."""
        try:
            os.write(self.process.stdin.fileno(), f"xvd{chr(ord('a') + (number - 51712) // 16)} {device}\n".encode())
        except OSError:
            pass  # it has ended

    def freeze(self, frozen):
        with open(self.cgroup + "/cgroup.freeze", "w", encoding="ascii") as f:
            f.write("1" if frozen else "0")

    def on_output(self):
        text = os.read(self.process.stdout.fileno(), 4096)
        if text:
            self.print(text)
            return
        selector.unregister(self.process.stdout)
        self.shut_down(0 if self.process.wait() == 0 else 3)

    def shut_down(self, reason):
        if self.reason is not None:
            return
        self.reason = reason
        for client in self.awaiting:
            client.send(b"shutdown %d\n" % reason)

    def kill(self):
        """Until all are gone, and with them what they had mounted."""
        if self.reason is None:
            self.reason = 3
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for folder, below, _ in os.walk(self.cgroup, topdown=False):
            for _ in range(5000):
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    time.sleep(0.001)

    def destroy(self):
        self.kill()
        if self.process:
            try:
                selector.unregister(self.process.stdout)
            except (KeyError, ValueError):
                pass
            self.process.stdout.close()
            self.process.stdin.close()
        selector.unregister(self.socket)
        self.socket.close()
        for store in [s for s in stores if s.domid == self.domid]:
            store.close()
        os.unlink(f"{BY_DOMID}/{self.domid}")
        self.memory.close()
        shutil.rmtree(self.folder)
        del domains[self.domid]
        for client in self.awaiting:
            client.send(b"gone\n")
        fire("@releaseDomain")


class Caller(Client):
    def take(self):
        while b"\n" in self.data:
            line, self.data = self.data.split(b"\n", 1)
            try:
                self.send(f"ok {self.obey(*line.decode().split(' '))}\n".encode())
            except Refused as refused:
                self.send(f"no {refused}\n".encode())

    def obey(self, verb, *words):
        if verb == "create":  # UUID KIB NAME RAMDISK
            if any(d.uuid == words[0] for d in domains.values()):
                raise Refused("EEXIST")
            domain = Domain(*words)
            domains[domain.domid] = domain
            fire("@introduceDomain")
            return domain.domid
        if verb == "list":
            return " ".join(f"{d.domid} {d.uuid} {d.name} {d.kib} {d.vcpus} {'p' if d.paused else 's' if d.reason is not None else 'b'}"
                            for d in domains.values())
        if verb == "free":
            return FREE_KIB - sum(d.kib for d in domains.values())
        domain = domains.get(int(words[0]))
        if not domain:
            raise Refused("ESRCH")
        if verb == "pause":
            domain.paused = True
            domain.freeze(True)
        elif verb == "await":
            domain.awaiting.append(self)
            if domain.reason is not None:
                return f"shutdown {domain.reason}"
        elif verb == "memory":  # [KIB]: a guest of this machine's takes and gives at once
            domain.kib = int(words[1]) if len(words) > 1 else domain.kib
            return domain.kib
        elif verb == "vcpus":
            domain.vcpus = int(words[1])
        elif verb == "schedule":  # WEIGHT CAP; -1: as it is
            domain.weight, domain.cap = (old if int(new) < 0 else int(new) for old, new in zip((domain.weight, domain.cap), words[1:]))
        elif verb in ("unpause", "kill", "destroy"):
            getattr(domain, verb)()
        else:
            raise Refused("ENOSYS")
        return ""

    def close(self):
        for domain in domains.values():
            if self in domain.awaiting:
                domain.awaiting.remove(self)
        super().close()


def give_controllers(cgroup):
    """To the domains: each has all of them, as on a machine of its own."""
    with open(cgroup + "/cgroup.controllers", encoding="ascii") as f:
        controllers = f.read().split()
    with open(cgroup + "/cgroup.subtree_control", "w", encoding="ascii") as f:
        f.write(" ".join("+" + c for c in controllers))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for folder in (DOMAINS, BY_DOMID, CGROUPS, XENSTORED):
        os.makedirs(folder, exist_ok=True)
    give_controllers(CGROUPS)
    nodes["/local/domain/0/name"] = (b"Domain-0", ["n0"])
    for path in ("/local", "/local/domain", "/local/domain/0", "/vm", "/tool"):
        nodes[path] = (b"", ["n0"])
    listen(XENSTORED + "/socket", lambda c: Store(c, 0))
    listen(FOLDER + "/hypervisor", Caller)
    while True:
        for key, _ in selector.select():
            key.data()


main()
