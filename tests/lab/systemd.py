# SPDX-License-Identifier: LGPL-2.1-or-later
"""A systemd inside a host, with a system bus, for resources that are its units.

It is process 1 of a process namespace below the host's, and shares the host's files, so that
it reads the drop-ins that an executor on the host writes, and the executor finds its bus.
"""

import contextlib
import os
import subprocess

from support import cgroups
from support.base import poll_until, run, write_file

MASK_UNITS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                          "support/mask-units")
UNITS = "/etc/systemd/system"
TARGET = """[Unit]
Requires=basic.target dbus.service
After=basic.target
"""
INSIDE = """mount -t proc proc /proc && mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
exec env container=lab /lib/systemd/systemd --system --unit=lab.target --log-target=null \\
    --show-status=no"""


def start(lab, host):
    """Start it; it ends with the host.  Returns when units can be started."""
    root = lab.root_of(host)
    subprocess.run([MASK_UNITS, root + UNITS], check=True)
    write_file(root + UNITS + "/lab.target", TARGET)
    write_file(root + "/etc/machine-id", "%032x\n" % host["pid"])
    host["cgroup"] = cgroups.make("lab-%d" % host["pid"])
    lab.save()
    with open(os.path.join(lab.hostdir(host), "log/systemd.out"), "ab") as out:
        subprocess.Popen(
            [*cgroups.joining(host["cgroup"]), *lab.enter(host, [
                "unshare", "--mount", "--pid", "--cgroup", "--fork", "--kill-child", "sh", "-c",
                INSIDE])],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=lab.exec_env(host))
    host["systemd"], _ = poll_until("systemd on " + host["name"], lambda: first_process(host), 20)
    lab.save()
    poll_until("systemd on " + host["name"], lambda: ask(
        lab, host, "systemctl", "is-active", "lab.target", "dbus.service", check=False)
        == "active\nactive\n", 60, 0.2)


def first_process(host):
    """The pid of the systemd of a host, as seen from here."""
    pids = []
    # Where it starts, and where it puts itself.
    for group in ("", "/init.scope"):
        with contextlib.suppress(OSError), open(host["cgroup"] + group + "/cgroup.procs") as handle:
            pids += handle.read().split()
    for pid in pids:
        with contextlib.suppress(FileNotFoundError), open("/proc/%s/comm" % pid) as handle:
            if handle.read() == "systemd\n":
                return int(pid)
    return None


def ask(lab, host, *argv, check=True):
    """Run a program beside systemd, which takes its callers only from there; its output."""
    return run(["nsenter", "-t", str(host["systemd"]), "-a", "-r", "-w", "--", *argv],
               env=lab.exec_env(host), check=check).stdout
