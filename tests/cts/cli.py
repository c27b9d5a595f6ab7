# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line of the suite runner."""

import argparse
import importlib
import json
import os
import sys

from cts import sandbox
from cts.files import LIBRARIES, die, read
from cts.suite import Suite
from support.base import LabError

USAGE = """\
Run Pacemaker's own executor regression suites (cts-exec, cts-cli), as packaged by Debian 13,
against any pacemaker-execd, pacemaker-remoted or liblrmd.so.52, in a throw-away sandbox.
With --release 2.1 the same tests drive Debian 12's Pacemaker: its liblrmd.so.28 (through
helper.c), fencer, tools and systemd.

  cts-run exec --execd PATH    cts-exec, PATH taking the place of pacemaker-execd
  cts-run exec --remoted PATH  cts-exec -R (TLS on loopback), PATH as pacemaker-remoted
  cts-run cli                  the cts-cli groups that go through liblrmd
PATH may be the word "distribution": the daemon Debian ships.  --lib FILE puts FILE in front
as liblrmd.so.52 for cts-exec-helper and the command line tools only, never for the daemon.

Each lane is a sandbox of its own: pid, mount, net (loopback only), ipc, uts and cgroup
namespaces, an overlay of the root directory whose changes are dropped, and a real systemd
with a system D-Bus as PID 1 (--no-systemd: bash and a D-Bus daemon; the suite then has no
systemd tests).  The tests run one by one as `cts-exec -r TEST`; one that outlasts --timeout
is killed and counts as failed, and so does one that leaves no verdict.  "Skipped" is what
the suite itself skips (fencing over TLS).  PCMK_*, RUST_* and *SAN_OPTIONS variables reach
the daemon and the tools.  Shared libraries that a binary needs and the root lacks are taken
from this machine, then from --libs DIR; if one is still missing, or a newer glibc is
needed, that is said and nothing is run.  The tests with "metadata" or "list" in their name
pass without any daemon.  Needs root, util-linux, iproute2, overlayfs, cgroup v2 (not with
--no-systemd).  Exit status: 0 nothing failed, 1 something failed, 2 could not run.  Last
line: N passed, N failed, N skipped"""


def parser():
    top = argparse.ArgumentParser(prog="cts-run", description=USAGE,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = top.add_subparsers(dest="suite", required=True)
    for suite, limit in ("exec", 420), ("cli", 900):
        p = sub.add_parser(suite, help="run cts-" + suite)
        p.set_defaults(execd=None, remoted=None, lanes=1, pattern=None, list=False,
                       release="3.0")
        p.add_argument("--root", metavar="DIR",
                       help="root directory to run in (default: the one of tests/roots 3.0)")
        p.add_argument("--lib", metavar="FILE",
                       help="replacement for liblrmd.so (helper and tools only)")
        p.add_argument("--libs", metavar="DIR", action="append", default=[],
                       help="has libraries that the root lacks")
        p.add_argument("--no-systemd", action="store_true", help="sandbox without systemd")
        p.add_argument("--keep-logs", metavar="DIR",
                       help="put the output of every test and the daemon logs there")
        p.add_argument("--timeout", type=int, default=limit,
                       help="seconds for one test (default %(default)s)")
        p.add_argument("-r", dest="run", metavar="TEST", action="append",
                       help="this test only (cli: group); repeatable")
    p = sub.choices["exec"]
    p.add_argument("--release", choices=sorted(LIBRARIES), default="3.0",
                   help="Pacemaker of the suite's client, tools and fencer (default %(default)s)")
    group = p.add_mutually_exclusive_group(required=True)
    group.add_argument("--execd", metavar="PATH",
                       help="pacemaker-execd to test, or 'distribution'")
    group.add_argument("--remoted", metavar="PATH",
                       help="pacemaker-remoted to test (cts-exec -R), or 'distribution'")
    p.add_argument("--lanes", type=int, default=4,
                   help="sandboxes side by side (default %(default)s)")
    p.add_argument("-p", dest="pattern", metavar="PATTERN",
                   help="only tests whose name contains PATTERN")
    p.add_argument("--list", action="store_true", help="list the tests")
    return top


def main():
    if sys.argv[1:2] in (["_box"], ["_lane"]):               # inside a sandbox
        config = json.loads(read(sys.argv[2]))
        if sys.argv[1] == "_box":
            return sandbox.main(config)
        return importlib.import_module(config["inside"]).main(config)
    args = parser().parse_args()
    if os.geteuid() != 0:
        die("must be run as root")
    try:
        return Suite(args).run()
    except LabError as exc:
        die(str(exc))
