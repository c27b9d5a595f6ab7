# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab as seen from outside its hosts: recorded state, processes, ways to get in."""

import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

from lab import control
from support.base import (EX_MISSING, EX_TIMEOUT, EX_USAGE, SAFE_PATH, LabError, poll_until,
                          program, run, start_time)

ENTRY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab")
DEFAULT_DIR = os.environ.get("LAB_DIR") or os.path.join(tempfile.gettempdir(), "pcmk-lab")
# Not for tools that run inside a host: they are not the daemons under test.
DAEMONS_ONLY = ("LD_PRELOAD", "LAB_CAPTURE_DIR", "PCMK_logfile", "PCMK_debug")


class Lab:
    def __init__(self, directory=DEFAULT_DIR):
        self.dir = os.path.abspath(directory)
        self.state_path = os.path.join(self.dir, "state.json")
        self.state = None

    # -- state -------------------------------------------------------------

    def load(self):
        try:
            with open(self.state_path) as handle:
                self.state = json.load(handle)
        except FileNotFoundError:
            raise LabError("no lab in %s (use 'up' first, or give --dir)" % self.dir,
                           EX_MISSING) from None
        return self

    def save(self):
        partial = self.state_path + ".new"
        with open(partial, "w") as handle:
            json.dump(self.state, handle, indent=1)
        os.rename(partial, self.state_path)

    @contextlib.contextmanager
    def lock(self):
        os.makedirs(self.dir, exist_ok=True)
        with open(os.path.join(self.dir, "lock"), "w") as handle:
            deadline = time.monotonic() + 60
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise LabError("another command holds the lab in " + self.dir,
                                       EX_TIMEOUT) from None
                    time.sleep(0.1)
            yield

    def hosts(self, *kinds):
        return [h for h in self.state["hosts"].values() if not kinds or h["kind"] in kinds]

    def host(self, name):
        host = self.state["hosts"].get(name)
        if not host:
            raise LabError("no host %s (hosts: %s)" % (
                name, ", ".join(sorted(self.state["hosts"]))), EX_USAGE)
        return host

    def hostdir(self, host):
        return os.path.join(self.dir, "hosts", host["name"])

    @staticmethod
    def alive(host):
        pid = host.get("pid")
        return bool(pid) and start_time(pid) == host.get("start")

    def must_live(self, host):
        if not self.alive(host):
            raise LabError("host %s is gone" % host["name"])
        return host

    def root_of(self, host):
        return "/proc/%d/root" % self.must_live(host)["pid"]

    def live_nodes(self):
        return [h for h in self.hosts("node") if self.alive(h)]

    # -- namespaces --------------------------------------------------------

    def spawn(self, host, spec):
        """Start the init of a host; remember its pid as seen from outside."""
        hostdir = self.hostdir(host)
        os.makedirs(os.path.join(hostdir, "log"), exist_ok=True)
        spec.update(name=host["name"], kind=host["kind"], hostdir=hostdir)
        path = os.path.join(hostdir, "spec.json")
        with open(path, "w") as handle:
            json.dump(spec, handle)
        with open(os.path.join(hostdir, "init.log"), "ab") as out:
            proc = subprocess.Popen(
                [program("unshare"), "--mount", "--uts", "--ipc", "--net", "--pid", "--fork",
                 "--kill-child", "--propagation", "private", sys.executable, ENTRY,
                 "--dir", self.dir, "__init", path],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        host["outer"], host["outer_start"] = proc.pid, start_time(proc.pid)
        host["pid"], _ = poll_until("the init of " + host["name"],
                                    lambda: self.init_pid(host, proc), 20, 0.03)
        host["start"] = start_time(host["pid"])

    def init_pid(self, host, proc):
        """The pid of a host's init once it answers, else None."""
        hostdir = self.hostdir(host)
        if proc.poll() is not None:
            with open(os.path.join(hostdir, "init.log"), errors="replace") as handle:
                tail = "".join(handle.readlines()[-5:]).strip()
            raise LabError("init of %s failed: %s" % (host["name"], tail or "no message"))
        try:
            sock = control.connect(hostdir)
        except OSError:
            return None
        with sock:
            cred = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            sock.sendall(b'{"request": "status"}\n')
            sock.recv(4096)
        return struct.unpack("3i", cred)[0]

    def enter_net(self, host, argv):
        self.must_live(host)
        return [program("nsenter"), "-t", str(host["pid"]), "-n", "--", *argv]

    def in_net(self, host, *argv, **kwargs):
        """Run a program of this machine in the network of a host."""
        return run(self.enter_net(host, argv), **kwargs)

    def enter(self, host, argv):
        """The argument list that runs argv inside a host."""
        self.must_live(host)
        return [program("nsenter"), "-t", str(host["pid"]), "-m", "-u", "-i", "-n", "-p",
                "-r", "-w", "--", *argv]

    def exec_env(self, host):
        env = {"PATH": SAFE_PATH, "HOME": "/root", "SHELL": "/bin/sh", "LANG": "C.UTF-8",
               "TERM": os.environ.get("TERM", "dumb")}
        env.update((k, v) for k, v in host["env"].items() if k not in DAEMONS_ONLY)
        return env

    def inside(self, host, *argv, timeout=30, check=True, text_input=None):
        """Run argv inside a host and capture its output."""
        wrapped = ["timeout", "-k", "2", str(timeout), *argv]
        return run(self.enter(host, wrapped), timeout=timeout + 5, check=check,
                   text_input=text_input, env=self.exec_env(host))

    def processes(self, host):
        """Processes of a host: list of (outer pid, name, command line)."""
        self.must_live(host)
        mine = os.readlink("/proc/%d/ns/pid" % host["pid"])
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if os.readlink("/proc/%s/ns/pid" % entry) != mine or int(entry) == host["pid"]:
                    continue
                with open("/proc/%s/cmdline" % entry, "rb") as handle:
                    argv = handle.read().split(b"\0")
            except OSError:
                continue
            if not argv or not argv[0]:
                continue
            words = [a.decode(errors="replace") for a in argv if a]
            found.append((int(entry), os.path.basename(words[0]), " ".join(words)))
        return sorted(found)
