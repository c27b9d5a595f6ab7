# SPDX-License-Identifier: LGPL-2.1-or-later
"""The init of a host: pid 1 of its namespaces.

It builds the host's root, reaps orphans, starts and signals daemons on request, and is
the host's power switch for the fence agent.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time

from lab import hostroot, relay
from support.base import EX_FAIL, LabError, write_file


class Init:
    def __init__(self, spec):
        self.spec = spec
        self.daemons = {}
        self.powered = True
        self.power_seen = None

    # -- daemons -----------------------------------------------------------

    def start(self, name):
        daemon = self.daemons[name]
        if daemon["pid"]:
            raise LabError("%s is already running (pid %d)" % (name, daemon["pid"]))
        out = os.open("/var/log/%s.out" % name,
                      os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            daemon["pid"] = os.posix_spawn(
                daemon["argv"][0], daemon["argv"], daemon["env"], setsid=True,
                setsigmask=[], setsigdef=[signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                                          signal.SIGPIPE, signal.SIGCHLD],
                file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                              (os.POSIX_SPAWN_DUP2, out, 1),
                              (os.POSIX_SPAWN_DUP2, out, 2)])
        except OSError as exc:
            raise LabError("cannot start %s: %s" % (daemon["argv"][0], exc)) from None
        finally:
            os.close(out)
        daemon["exit"] = None
        daemon["since"] = time.time()

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for daemon in self.daemons.values():
                if daemon["pid"] == pid:
                    daemon["pid"] = 0
                    daemon["exit"] = os.waitstatus_to_exitcode(status)
                    daemon["since"] = time.time()

    def boot(self):
        for name, daemon in self.daemons.items():
            if daemon.get("boot") and not daemon["pid"]:
                self.start(name)

    # -- power (used by the fence agent and by "lab power") ------------------

    def power_write(self, kind, text):
        path = "/run/lab/power/%s.%s" % (self.spec["name"], kind)
        write_file(path + ".new", text)
        os.rename(path + ".new", path)

    def power_off(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            self.reap()
            if not any(daemon["pid"] for daemon in self.daemons.values()):
                break
            time.sleep(0.02)
        forget_what_a_reboot_loses()
        self.powered = False
        self.power_write("state", "off\n")

    def power_on(self):
        self.powered = True
        self.power_write("state", "on\n")
        self.boot()

    def power_poll(self):
        try:
            with open("/run/lab/power/%s.req" % self.spec["name"]) as handle:
                ident, action = handle.read().split()[:2]
        except (OSError, ValueError):
            return
        if ident == self.power_seen:
            return
        self.power_seen = ident
        if action in ("off", "reboot"):
            self.power_off()
        if action in ("on", "reboot") and not self.powered:
            self.power_on()
        self.power_write("ack", "%s %s\n" % (ident, action))

    # -- requests ----------------------------------------------------------

    def handle(self, message):
        request, name = message["request"], message.get("name")
        if request == "define":
            old = self.daemons.get(name, {})
            self.daemons[name] = {
                "argv": message["argv"], "env": message["env"],
                "boot": message.get("boot", False), "pid": old.get("pid", 0),
                "exit": old.get("exit"), "since": old.get("since")}
        elif request == "start":
            if name not in self.daemons:
                raise LabError("no daemon %s on this host" % name)
            self.start(name)
        elif request == "signal":
            daemon = self.daemons.get(name)
            if not daemon or not daemon["pid"]:
                raise LabError("%s is not running" % name)
            os.kill(daemon["pid"], message["signal"])
        elif request == "offload":
            relay.disable_offload(message["dev"])
        elif request != "status":
            raise LabError("unknown request " + request)
        return {"daemons": self.daemons, "powered": self.powered}

    def answer(self, conn):
        conn.settimeout(5)
        data = b""
        try:
            while not data.endswith(b"\n"):
                chunk = conn.recv(65536)
                if not chunk:
                    return
                data += chunk
            try:
                answer = self.handle(json.loads(data))
            except (LabError, OSError, KeyError) as exc:
                answer = {"error": "%s: %s" % (self.spec["name"], exc)}
            conn.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            pass
        finally:
            conn.close()

    # -- life --------------------------------------------------------------

    def listen(self):
        """Set the host up; its control socket appears only when that is done."""
        os.chdir(self.spec["hostdir"])
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            os.unlink("ctl")
        socket.sethostname(self.spec["name"])
        if self.spec["kind"] == "switch":
            hostroot.sh("mount", "--make-rprivate", "/")
            hostroot.sh("mount", "-t", "proc", "proc", "/proc")
            listener.bind("ctl")
        else:
            listener.bind("ctl.new")
            hostfd = os.open(".", os.O_PATH)
            hostroot.HostRoot(self.spec).enter()
            self.power_write("state", "on\n")
            os.rename("ctl.new", "ctl", src_dir_fd=hostfd, dst_dir_fd=hostfd)
            os.close(hostfd)
        listener.listen(16)
        os.chdir("/")
        return listener

    def main(self):
        listener = self.listen()
        is_switch = self.spec["kind"] == "switch"
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            ready, _, _ = select.select([listener, wake], [], [], None if is_switch else 0.2)
            if wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, 4096)
            self.reap()
            if listener in ready:
                self.answer(listener.accept()[0])
            if not is_switch:
                self.power_poll()


def forget_what_a_reboot_loses():
    for path in ("/dev/shm", "/tmp"):
        for name in os.listdir(path):
            full = os.path.join(path, name)
            if os.path.isdir(full) and not os.path.islink(full):
                shutil.rmtree(full, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(full)
    for base, _dirs, names in [*os.walk("/run/crm"), *os.walk("/run/resource-agents")]:
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(base, name))
    # Agents keep their state directly in /run, too.
    for name in os.listdir("/run"):
        if name.endswith(".state"):
            os.unlink(os.path.join("/run", name))


def main(args):
    with open(args.spec) as handle:
        spec = json.load(handle)
    try:
        Init(spec).main()
    except Exception as exc:                                   # last words in init.log
        print("%s: %s" % (spec["name"], exc), file=sys.stderr, flush=True)
        return EX_FAIL
    return 0
