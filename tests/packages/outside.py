# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command: packs what has been built, has it judged, and installs it in sandboxes."""

import argparse
import glob
import os
import shutil
import subprocess
import tempfile
import time
import traceback

from cts.files import die
from cts.suite import Suite
from packages import rpm
from support import roots
from support.base import LabError

USAGE = """\
Packs what `make build lib dropin` has made (packaging/make-deb and make-rpm --prebuilt), has lintian
and rpmlint judge it, looks at what an RPM has and needs, and installs, upgrades, removes and purges
the Debian packages under a real systemd: in copy-on-write roots of Debian 12 and 13 without the
cluster stack, as an administrator would.  Needs root, overlayfs, a writable cgroup v2.  Prints
"N passed, N failed" for the packages and for each root."""
REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
#: where the packages of a release have units
UNITS = {"2.1": "/lib/systemd/system", "3.0": "/usr/lib/systemd/system"}


def run(*argv, **more):
    result = subprocess.run(argv, cwd=REPOSITORY, stdin=subprocess.DEVNULL, text=True, errors="replace",
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    assert result.returncode == 0, "%s: exit status %d\n%s" % (" ".join(argv), result.returncode,
                                                               result.stdout[-3000:])
    return result.stdout


class Installed(Suite):
    """One lane in which not Pacemaker's suite runs but inside.py."""

    def __init__(self, args, debs, release):
        lane = argparse.Namespace(**vars(args))
        vars(lane).update(suite="exec", execd=None, remoted=None, lib=None, libs=[], lanes=1, list=False,
                          no_systemd=False, timeout=120, release=release, root=None)
        super().__init__(lane)
        self.debs = debs

    def start_lane(self, config, number):
        shutil.copytree(self.debs, self.work + "/debs")
        for name, file in (("pacemaker-remote", "theirs"), ("pacemaker-common", "common")):
            shutil.copy(roots.package(name, self.args.release), "%s/%s.deb" % (self.work, file))
        tree = self.work + "/source"
        for name in ("packaging", "include", "pkgconfig", "docs"):
            shutil.copytree(os.path.join(REPOSITORY, name), os.path.join(tree, name))
        shutil.copy(os.path.join(REPOSITORY, "LICENSE"), tree)
        shutil.copy(os.path.join(REPOSITORY, "Cargo.toml"), tree)
        os.makedirs(tree + "/target/release")
        for name in ("pacemaker-remoted", "pacemaker-execd", "pcmk-remote", "NOTICES", "sbom.cdx.json"):
            shutil.copy(os.path.join(REPOSITORY, "target/release", name), tree + "/target/release")
        super().start_lane(dict(config, inside="packages.inside"), number)


def judge(report, place):
    """What needs no installation, one test each."""
    debs = {release: os.path.join(place, release) for release in UNITS}
    rpms = os.path.join(place, "rpm")

    def built():
        for release, directory in debs.items():
            run("packaging/make-deb", "--prebuilt", directory, env=dict(os.environ, UNITDIR=UNITS[release]))
        run("packaging/make-rpm", "--prebuilt", rpms)

    report("packages are built", built)
    # Bytes of a program that happen to look like a misspelt word change with each build.
    report("lintian finds nothing", lambda: run(
        "lintian", "--fail-on=error,warning,info", "--display-info", "--allow-root",
        "--suppress-tags", "spelling-error-in-binary", *glob.glob(debs["2.1"] + "/*.deb")))
    report("rpmlint finds nothing", lambda: rpm.lint(rpms))
    for name, function in vars(rpm).items():
        if name.startswith("test_"):
            report("rpm: " + function.__doc__, lambda function=function: function(rpms))
    report("no builder's path is in a program or library", no_builders_path)
    return debs


def no_builders_path():
    """The sources', cargo's and the compiler's places are in nothing that is installed."""
    home = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
    places = [REPOSITORY + "/", home + "/", os.path.expanduser("~/.rustup")]
    files = [os.path.join(REPOSITORY, "target", name) for name in (
        "release/pacemaker-remoted", "release/pacemaker-execd", "release/pcmk-remote",
        "lib/libpcmk-remote-rs.so.0", "lib/libpcmk-remote-rs.a", "dropin/2.1/liblrmd.so.28",
        "dropin/3.0/liblrmd.so.52")]
    for path in files:
        with open(path, "rb") as handle:
            text = handle.read()
        assert b"/crates/" in text, "%s: compiled without packaging/rustc-without-paths: remove it, then make build" % path
        found = [place for place in places if place.encode() in text]
        assert not found, "%s has %s: was it built by make?" % (path, found)


def main():
    parser = argparse.ArgumentParser(description=USAGE,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", choices=sorted(UNITS), action="append",
                        help="in the root with this release of Pacemaker only")
    parser.add_argument("--keep-logs", metavar="DIR", help="put the output of every test there")
    parser.add_argument("-r", dest="run", metavar="TEST", action="append",
                        help="this test of inside.py only; repeatable")
    args = parser.parse_args()
    if os.geteuid() != 0:
        die("must be run as root")
    results = []

    def report(name, function):
        begin = time.monotonic()
        try:
            function()
            verdict = "passed"
        except Exception:
            verdict = "FAILED"
            traceback.print_exc()
        results.append(verdict == "passed")
        print("%-8s%6.1fs  %s" % (verdict, time.monotonic() - begin, name), flush=True)

    with tempfile.TemporaryDirectory(prefix="packages-") as place:
        debs = judge(report, place)
        print("%d passed, %d failed" % (results.count(True), results.count(False)))
        for release in args.release or sorted(UNITS):
            print("installed beside Pacemaker %s:" % release, flush=True)
            try:
                results.append(Installed(args, debs[release], release).run() == 0)
            except (LabError, SystemExit, subprocess.CalledProcessError) as exc:
                print("FAILED  %s\n0 passed, 1 failed" % exc)
                results.append(False)
    return 0 if all(results) else 1
