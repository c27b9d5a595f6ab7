# SPDX-License-Identifier: LGPL-2.1-or-later
"""Control groups for a systemd of a test's own."""

import contextlib
import os
import time

from support.base import LabError


def hierarchy():
    """The top of a cgroup v2 hierarchy that can be written to, or None."""
    with open("/proc/self/mountinfo") as handle:
        found = [line.split()[4] for line in handle if " - cgroup2 " in line]
    return next((d for d in found if not os.statvfs(d).f_flag & os.ST_RDONLY), None)


def make(name):
    """Make a group; return its path."""
    top = hierarchy()
    if not top:
        raise LabError("no writable cgroup v2 hierarchy, which a systemd needs")
    path = os.path.join(top, name)
    os.mkdir(path)
    return path


def joining(group):
    """The beginning of an argument list whose program runs in this group ("": in none)."""
    return ["sh", "-c", '[ -z "$0" ] || echo $$ >"$0/cgroup.procs" || exit; exec "$@"', group]


def remove(group, deadline):
    """Remove a group and what systemd has made in it, once its processes are gone."""
    while os.path.isdir(group):
        for path, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)                  # the kernel may take a moment to empty it
