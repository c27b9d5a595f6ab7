# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command: installs to a directory that a sandbox sees, where systemd is process 1."""

import argparse
import os
import subprocess

from cts.files import die
from cts.suite import Suite
from support.base import LabError

USAGE = """\
Runs the installed unit under a real systemd (Debian 13's, or that of --root), as process 1 of
namespaces of its own: `make install` into a copy-on-write root, then start, stop, crash and
refusal, as a service manager and its administrator see them.  Needs root, overlayfs and a
writable cgroup v2.  Last lines: N passed, N failed, N skipped."""
REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Installed(Suite):
    """One lane in which not Pacemaker's suite runs but inside.py."""

    def start_lane(self, config, number):
        subprocess.run([os.path.join(REPOSITORY, "packaging/install"), self.work + "/installed",
                        "/usr"], env=dict(os.environ, BUILDDIR=self.args.builddir), check=True,
                       stdout=subprocess.DEVNULL)
        super().start_lane(dict(config, inside="systemd.inside"), number)


def options():
    parser = argparse.ArgumentParser(description=USAGE,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--builddir", default=os.path.join(REPOSITORY, "target/release"),
                        help="where the programs are (default: %(default)s)")
    parser.add_argument("--root", metavar="DIR",
                        help="root directory (default: the one of tests/roots 3.0)")
    parser.add_argument("--keep-logs", metavar="DIR", help="put the output of every test there")
    parser.add_argument("-r", dest="run", metavar="TEST", action="append",
                        help="this test only; repeatable")
    parser.set_defaults(suite="exec", execd=None, lib=None, libs=[], lanes=1, list=False,
                        no_systemd=False, timeout=120, release="3.0")
    return parser


def main():
    args = options().parse_args()
    args.remoted = os.path.join(args.builddir, "pacemaker-remoted")
    if os.geteuid() != 0:
        die("must be run as root")
    try:
        return Installed(args).run()
    except (LabError, subprocess.CalledProcessError) as exc:
        die(str(exc))
