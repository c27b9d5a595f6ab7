# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs scenarios side by side, each in a process and a lab of its own, and reports."""

import argparse
import collections
import glob
import json
import os
import re
import select
import shutil
import signal
import sys
import tempfile
import time

from cluster import (certificates, chaos, environment, everyday, floods, guests, library, many, mixed, nodes,
                     recovery, remotes, rotation, scenario, trouble)
from lab import bringup, cli, teardown
from lab.state import Lab
from support import roots
from support.base import EX_MISSING, LabError, log

USAGE = """\
Runs pacemaker-remoted and pacemaker-execd under unmodified clusters of Pacemaker 2.1
(Debian 12) and 3.0 (Debian 13), in labs (see tests/lab/lab --help).  Every test can fail, none is skipped.
A lab whose test has failed leaves its logs in the directory of --logs.  Last line:
N passed, N failed.  Exit status: 0 all passed, 1 one failed, 3 something is missing."""

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEFAULT_REMOTED = os.path.join(REPOSITORY, "target/release/pacemaker-remoted")
DEFAULT_LIBRARIES = os.path.join(REPOSITORY, "target/dropin")
DEFAULT_EXECD = os.path.join(REPOSITORY, "target/release/pacemaker-execd")
# What runs unless something is named; the longest first, so that the last one to end is a short one.
USUAL = (nodes.Nodes, trouble.NodeTrouble, chaos.Chaos, remotes.Remotes, guests.Guests, everyday.Everyday,
         recovery.TwoNodes, recovery.Links, floods.Floods, certificates.Certificates, rotation.CertificateRotation,
         rotation.Migration, mixed.Mixed, rotation.KeyRotation, environment.Environment, recovery.Reconnection)
# By name only: minutes of the cluster's own work; and what another stage of tests/run plays.
SCENARIOS = (*USUAL, many.Many, library.Library, certificates.LibraryCertificates, rotation.LibraryKeyRotation,
             rotation.LibraryCertificateRotation)
# What --remoted takes instead of a path.
DISTRIBUTIONS = ("distribution", *roots.RELEASES, *roots.MOVING)
LOG_TAIL = 25

Case = collections.namedtuple("Case", "kind release")


def case_name(case):
    return "%s %s" % (case.release, case.kind.__name__)


def remote_release(case, remoted):
    """The release on the remote hosts; a distribution's daemon needs its own."""
    if remoted in roots.RELEASES:
        return remoted
    if remoted in roots.MOVING:
        return "3.0"
    return case.kind.remote_release.get(case.release, case.release)


# -- in the process of one scenario -------------------------------------------

class Worker:
    """Brings the lab of one scenario up, runs its tests, takes the lab down."""

    def __init__(self, case, args, directory, out):
        self.case, self.args, self.out = case, args, out
        self.lab = Lab(directory)

    def tell(self, **event):
        os.write(self.out, json.dumps(event).encode() + b"\n")

    def up_words(self):
        remote = remote_release(self.case, self.args.remoted)
        path = self.args.remoted
        if path in DISTRIBUTIONS:
            path = roots.remoted(self.args.remote_suite or remote)
        executor = []
        if self.case.kind.executor and self.args.execd != "distribution":
            executor = ["--execd", self.args.execd]
        replaced = []
        if self.case.kind.library or self.args.with_library:
            for release in dict.fromkeys((self.case.release, remote)):
                replaced += ["--lib-over", library.dropin(self.args.library, release)]
        if self.args.remote_suite and not self.args.suite:
            # Ours is built for this machine's libraries: it does not load among newer ones.
            replaced.append("--lib-over-nodes-only")
        return [*self.case.kind.options, *executor, *replaced,
                "--node-root", self.args.node_root or roots.root(self.case.release),
                "--remote-root", self.args.remote_root or roots.root(remote),
                "--remoted", path]

    def run(self):
        names = self.case.kind.tests(self.case.release)
        begin = time.monotonic()
        failed = False
        try:
            bringup.up(self.lab, cli.up_options(*self.up_words()))
            subject = self.case.kind(self.lab, self.case.release,
                                    remote_release(self.case, self.args.remoted))
            subject.our_daemon = self.args.remoted not in DISTRIBUTIONS
            for name in names:
                failed |= not self.one(subject, name, begin)
        except LabError as exc:
            failed = True
            self.tell(broken="the lab did not come up: %s" % exc)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if self.lab.state and self.lab.state["switch"]:
                self.end(failed)

    def one(self, subject, name, begin):
        start, problem = time.monotonic(), None
        if start - begin > self.case.kind.patience:
            problem = "not run: the scenario has taken more than %d s" % (
                self.case.kind.patience)
        else:
            try:
                getattr(subject, name)()
            except scenario.ERRORS as exc:
                problem = "%s%s" % ("" if isinstance(exc, (LabError, scenario.Failed))
                                    else type(exc).__name__ + ": ", exc)
        self.tell(test=name, seconds=time.monotonic() - start, problem=problem)
        return problem is None

    def end(self, failed):
        try:
            if failed:
                teardown.collect(self.lab, self.logs())
        finally:
            if os.path.exists(self.lab.state_path):
                teardown.tear_down(self.lab, force=True, timeout=5)
        if failed:
            self.tell(tail=tail_of_logs(self.logs()), logs=self.logs())

    def logs(self):
        return os.path.join(self.args.logs, case_name(self.case).replace(" ", "-"))


def tail_of_logs(directory):
    """The ends of the logs that most often tell why a test failed."""
    lines = []
    for pattern, drop in (("[rg]*/log/pacemaker-remoted.out", None),
                          ("[rg]*/log/pacemaker/pacemaker.log", None),
                          ("n1/log/pacemaker/pacemaker.log",
                           "pacemaker-based|pacemaker-schedulerd|pacemaker-attrd")):
        for path in sorted(glob.glob(os.path.join(directory, pattern))):
            with open(path, errors="replace") as handle:
                found = [line.rstrip()[:300] for line in handle
                         if not drop or not re.search(drop, line)]
            if found:
                lines.append("end of %s:" % os.path.relpath(path, directory))
                lines += ["    " + line for line in found[-LOG_TAIL:]]
    return "\n".join(lines)


def start_worker(case, args, directory):
    """Fork a worker; return (pid, descriptor of its reports)."""
    reports, out = os.pipe()
    pid = os.fork()
    if pid:
        os.close(out)
        return pid, reports
    os.close(reports)
    status = 1
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        Worker(case, args, directory, out).run()
        status = 0
    except SystemExit:
        pass
    except BaseException as exc:                       # the parent counts what is missing
        os.write(out, json.dumps({"broken": repr(exc)}).encode() + b"\n")
    finally:
        os._exit(status)


# -- in the process that reports ----------------------------------------------

class Report:
    """One scenario as the parent sees it."""

    def __init__(self, case):
        self.case = case
        self.waiting = case.kind.tests(case.release)
        self.passed = self.failed = 0
        self.begin = time.monotonic()
        self.buffer = b""

    def feed(self, data):
        self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            self.event(json.loads(line))

    def event(self, event):
        if "test" in event:
            self.waiting.remove(event["test"])
            self.result(event["test"], event["problem"], event["seconds"])
        elif "broken" in event:
            self.fail_the_rest(event["broken"])
        elif "tail" in event:
            print("%s: logs are in %s\n%s" % (case_name(self.case), event["logs"],
                                               event["tail"]), flush=True)

    def result(self, name, problem, seconds):
        print("%s %6.1f s  %s: %s" % ("FAILED" if problem else "passed", seconds,
                                      case_name(self.case), self.case.kind.title(name)))
        if problem:
            print("    " + problem[:4000].replace("\n", "\n    "))
        sys.stdout.flush()
        self.passed += not problem
        self.failed += bool(problem)

    def fail_the_rest(self, reason):
        for name in self.waiting:
            self.result(name, reason, 0)
            reason = "not run: see above"
        self.waiting = []

    def finish(self):
        self.fail_the_rest("the process of its scenario ended before this test")
        print("%-24s %3d passed %3d failed in %.0f s" % (
            case_name(self.case), self.passed, self.failed, time.monotonic() - self.begin),
            flush=True)


def run_cases(cases, args, base):
    """Run the scenarios, at most args.labs of them at a time; return their reports."""
    pending, running, done = list(cases), {}, []
    try:
        while pending or running:
            while pending and len(running) < args.labs:
                case = pending.pop(0)
                directory = os.path.join(base, case_name(case).replace(" ", "-"))
                pid, reports = start_worker(case, args, directory)
                running[reports] = (pid, Report(case))
            for reports in select.select(list(running), [], [])[0]:
                pid, report = running[reports]
                data = os.read(reports, 65536)
                if data:
                    report.feed(data)
                    continue
                os.close(reports)
                os.waitpid(pid, 0)
                del running[reports]
                report.finish()
                done.append(report)
    finally:
        for pid, _ in running.values():
            os.kill(pid, signal.SIGTERM)               # takes its lab down
            os.waitpid(pid, 0)
    return done


def options():
    parser = argparse.ArgumentParser(description=USAGE,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--remoted", metavar="PATH", default=DEFAULT_REMOTED,
                        help="the daemon under test (default: %(default)s); 'distribution': the "
                             "one of the remote host's own release; '2.1', '3.0', 'forky' or 'sid': "
                             "that of Debian 12, 13 or of these suites, on hosts with its root")
    parser.add_argument("--execd", metavar="PATH", default=DEFAULT_EXECD,
                        help="the executor under test on cluster nodes (default: %(default)s), or "
                             "'distribution'")
    parser.add_argument("--library", metavar="DIR", default=DEFAULT_LIBRARIES,
                        help="the libraries under test (default: %(default)s, which \"make "
                             "dropin\" makes)")
    parser.add_argument("--with-library", action="store_true",
                        help="play every scenario with our library in place of the "
                             "distribution's on all hosts")
    parser.add_argument("--only", metavar="NAME", action="append",
                        help="this scenario only; repeatable (%s; the last five only so)" % ", ".join(
                            kind.__name__ for kind in SCENARIOS))
    parser.add_argument("--version", choices=sorted(roots.RELEASES),
                        help="with clusters of this release only")
    parser.add_argument("--with", metavar="SUITE", choices=roots.MOVING, dest="suite",
                        help="by hand: clusters with the Pacemaker that Debian's suite has now (%s) in place of "
                             "3.0's, on all hosts; the root is made at its first use" % ", ".join(roots.MOVING))
    for kind in ("node", "remote"):
        parser.add_argument("--%s-root" % kind, metavar="DIR",
                            help="root directory of the %s hosts, for trying another Pacemaker "
                                 "by hand; the tests are those of --version" % kind)
    parser.add_argument("--labs", type=int, default=6, metavar="N",
                        help="labs side by side (default %(default)s)")
    parser.add_argument("--logs", metavar="DIR", help="where labs with a failed test leave "
                        "their logs (default: a new directory in $TMPDIR)")
    parser.add_argument("--list", action="store_true", help="list the tests")
    return parser


def main():
    parser = options()
    args = parser.parse_args()
    if args.suite:
        if args.version == "2.1" or args.node_root or args.remote_root:
            parser.error("--with %s stands in the place of 3.0's root on all hosts" % args.suite)
        args.version = "3.0"
    releases = [args.version] if args.version else sorted(roots.RELEASES)
    names = [kind.__name__ for kind in SCENARIOS]
    if (args.node_root or args.remote_root) and not args.version:
        parser.error("a root directory needs --version: whose tests does it get?")
    for name in args.only or []:
        if name not in names:
            parser.error("no scenario %s; there are: %s" % (name, ", ".join(names)))
    cases = [Case(kind, release) for kind in SCENARIOS for release in releases
             if release in kind.releases and (kind.__name__ in args.only if args.only else kind in USUAL)]
    if args.list:
        for case in cases:
            for name in case.kind.tests(case.release):
                print("%s: %s" % (case_name(case), case.kind.title(name)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begin = time.monotonic()
    try:
        prepare(args, cases)
    except LabError as exc:
        log("cluster tests: %s" % exc)
        return EX_MISSING
    base = tempfile.mkdtemp(prefix="pcmk-cluster-")
    try:
        reports = run_cases(cases, args, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    passed, failed = sum(r.passed for r in reports), sum(r.failed for r in reports)
    print("wall %.0f s\n%d passed, %d failed" % (time.monotonic() - begin, passed, failed))
    return 1 if failed or not passed else 0


def prepare(args, cases):
    """Make what the labs need, before they run side by side."""
    bringup.check_machine()
    args.remote_suite = args.remoted if args.remoted in roots.MOVING else args.suite
    if args.suite:
        args.node_root = roots.root(args.suite)
    if args.remote_suite:
        args.remote_root = roots.root(args.remote_suite)
        log("cluster tests: remote hosts have Pacemaker " + roots.pacemaker_version(args.remote_root))
    for case in cases:
        roots.root(case.release)
        remote = remote_release(case, args.remoted)
        roots.root(remote)
        if args.remoted in DISTRIBUTIONS:
            roots.remoted(args.remote_suite or remote)
    for name in ("remoted", "execd"):
        path = getattr(args, name)
        if path not in DISTRIBUTIONS:
            setattr(args, name, os.path.abspath(path))
            if not os.access(path, os.X_OK):
                raise LabError("no daemon to test: %s (first: cargo build --release)" % path)
    args.library = os.path.abspath(args.library)
    for case in cases:
        if case.kind.library or args.with_library:
            path = library.dropin(args.library, case.release)
            if not os.path.exists(path):
                raise LabError("no library to test: %s (first: make dropin)" % path)
    args.logs = os.path.abspath(args.logs) if args.logs else os.path.join(
        tempfile.gettempdir(), "pcmk-cluster-logs.%s" % time.strftime("%Y%m%d-%H%M%S"))
