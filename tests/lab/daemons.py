# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemons of a host: which they are, how they are started, stopped and replaced."""

import contextlib
import os
import re
import signal
import time

from lab import control
from support import libraries
from support.base import EX_MISSING, LabError, copy_file, poll_until

REMOTED = "/usr/sbin/pacemaker-remoted"
EXECD = "/usr/lib/pacemaker/pacemaker-execd"
# pacemakerd must not start before corosync answers.
PACEMAKERD = ("i=0; until corosync-cfgtool -s >/dev/null 2>&1; do i=$((i+1)); "
              "[ $i -lt 300 ] || exit 1; sleep 0.1; done; exec /usr/sbin/pacemakerd -f")


def main_daemon(host):
    return "pacemakerd" if host["kind"] == "node" else "pacemaker-remoted"


def status(lab, host, name=None):
    return control.daemons(lab.hostdir(host)).get(name or main_daemon(host))


def start(lab, host, name=None):
    control.ask(lab.hostdir(host), request="start", name=name or main_daemon(host))


def wait_end(lab, host, name, timeout):
    """Wait until a daemon has ended; return its exit status (negative: a signal)."""
    poll_until("%s on %s to end" % (name, host["name"]),
               lambda: not status(lab, host, name)["pid"], timeout)
    return status(lab, host, name)["exit"]


def stop(lab, host, name=None, timeout=60):
    """SIGTERM, then wait for the end; return the exit status."""
    name = name or main_daemon(host)
    control.ask(lab.hostdir(host), request="signal", name=name, signal=int(signal.SIGTERM))
    return wait_end(lab, host, name, timeout)


def send_signal(lab, host, number, target=None):
    """Signal processes of a host by program name, or "all"; return those signalled."""
    target = target or main_daemon(host)
    found = [p for p in lab.processes(host)
             if target == "all" or p[1] == target or p[1].startswith(target + ":")]
    if not found:
        raise LabError("no process %s on %s" % (target, host["name"]))
    for pid, _, _ in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return found


def install(lab, host):
    """Copy the daemon given by path to where the distribution has its own, and the
    libraries it needs that the root lacks."""
    path, place = (host.get("execd"), EXECD) if host["kind"] == "node" else (
        host.get("remoted"), REMOTED)
    if not path:
        return
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        raise LabError("not an executable file: %s" % path, EX_MISSING)
    root = lab.root_of(host)
    copy_file(path, root + place, 0o755)
    unresolved = libraries.complete(
        lambda inner: lab.inside(host, "ldd", inner, check=False).stdout, root, place, path)
    if unresolved:
        raise LabError("cannot run this daemon on %s:\n  %s" % (
            host["name"], "\n  ".join(unresolved)), EX_MISSING)


def define_remoted(lab, host):
    control.ask(lab.hostdir(host), request="define", name="pacemaker-remoted",
                argv=[REMOTED], env=host["env"], boot=True)


def define_node(lab, host):
    hostdir = lab.hostdir(host)
    control.ask(hostdir, request="define", name="corosync", argv=["/usr/sbin/corosync", "-f"],
                env=host["env"], boot=True)
    control.ask(hostdir, request="define", name="pacemakerd",
                argv=["/bin/sh", "-c", PACEMAKERD], env=host["env"], boot=True)


def check_all(lab):
    """Fail if a daemon of the lab is not running."""
    for host in lab.hosts():
        for name, daemon in control.daemons(lab.hostdir(host)).items():
            if not daemon["pid"]:
                raise LabError("%s on %s ended at once (exit %s); see %s" % (
                    name, host["name"], daemon["exit"],
                    os.path.join(lab.hostdir(host), "log")))


def listening(lab, host):
    """Does the remote daemon of a host accept connections on its port?"""
    if not status(lab, host)["pid"]:
        raise LabError("pacemaker-remoted on %s ended (exit %s); see %s/log" % (
            host["name"], status(lab, host)["exit"], lab.hostdir(host)))
    port = ":%04X" % lab.state["remote_port"]
    for table in ("tcp", "tcp6"):
        with open("/proc/%d/net/%s" % (host["pid"], table)) as handle:
            if re.search(r"%s [0-9A-F]+:0000 0A " % port, handle.read()):
                return True
    return False


def start_remoted(lab, host, timeout=20):
    """Start the remote daemon and wait until it listens; return the seconds it took."""
    begin = time.monotonic()
    start(lab, host)
    poll_until("pacemaker-remoted on %s to listen" % host["name"],
               lambda: listening(lab, host), timeout, 0.02)
    return time.monotonic() - begin


def power(lab, host, action, timeout=15):
    """Act on the switch that fencing uses; return the seconds it took."""
    base = os.path.join(lab.dir, "power", host["name"])
    ident = "%d.%d" % (time.time_ns(), os.getpid())
    with open(base + ".req.new", "w") as handle:
        handle.write("%s %s\n" % (ident, action))
    os.rename(base + ".req.new", base + ".req")

    def acknowledged():
        with contextlib.suppress(OSError):
            with open(base + ".ack") as handle:
                return handle.read().startswith(ident + " ")
        return False

    return poll_until("the power supply of " + host["name"], acknowledged, timeout, 0.05)[1]
