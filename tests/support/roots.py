# SPDX-License-Identifier: LGPL-2.1-or-later
"""Root directories with an unmodified Pacemaker, by debootstrap, cached outside the repository."""

import argparse
import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

from support.base import EX_MISSING, LabError, log, need, run

RELEASES = {"2.1": "bookworm", "3.0": "trixie"}
#: suites that change from day to day: no test depends on them, but they can be tried by hand
MOVING = ("forky", "sid")
# Knows every suite, also those that are newer than debootstrap.
SCRIPT = "sid"
PACKAGES = ("pacemaker pacemaker-cli-utils corosync systemd dbus resource-agents iproute2 procps "
            "psmisc python3 libxml2-utils").split()
# What Pacemaker's executor suite needs; where it is not packaged, its client is compiled.
SUITE_PACKAGES = {"2.1": ["gcc", "libc6-dev", "pkg-config", "pacemaker-dev", "libglib2.0-dev",
                          "python3-psutil", "python3-systemd"],
                  "3.0": ["pacemaker-cts", "python3-pacemaker", "python3-systemd"]}
# The package pacemaker-remote conflicts with pacemaker, so it is unpacked, not installed.
UNPACKED = "/opt/pacemaker-remote"
REMOTED = "/usr/sbin/pacemaker-remoted"
INSIDE_ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
              "DEBIAN_FRONTEND": "noninteractive"}
#: Debian 13's packages that are unpacked beside its root, and what for
BESIDE = {"headers-3.0": ["pacemaker-dev"],
          "cargo-c": "cargo-c libgit2-1.9 libhttp-parser2.9 libmbedcrypto16 libmbedtls21 "
                     "libmbedx509-7".split()}
#: runs a program of Debian 13 with its own C library, on this machine's files
FOREIGN = """#!/bin/sh
exec %(root)s/lib64/ld-linux-x86-64.so.2 --library-path \\
    %(place)s/usr/lib/x86_64-linux-gnu:%(root)s/usr/lib/x86_64-linux-gnu %(place)s/usr/bin/%(name)s "$@"
"""
UNPACK = ('d=$(mktemp -d); cd $d; apt-get "$@" -q -oAPT::Sandbox::User=root download '
          'pacemaker-remote; dpkg-deb -x *.deb ' + UNPACKED + '; cd /; rm -r $d; apt-get clean')


def cache_dir():
    return os.environ.get("PCMK_TEST_CACHE") or "/var/cache/pcmk-remote-rs"


def packages(release):
    return PACKAGES + SUITE_PACKAGES[release]


def debootstrapped(release):
    """Where a root goes; its name changes with the list of packages."""
    digest = hashlib.sha256(" ".join(packages(release)).encode()).hexdigest()[:8]
    return os.path.join(cache_dir(), "%s-%s" % (RELEASES[release], digest))


def machine_release():
    """The release of Pacemaker that is installed on this machine, or None."""
    result = run(["dpkg-query", "-Wf", "${db:Status-Status} ${Version}", "pacemaker"], check=False)
    match = re.match(r"installed (\d+\.\d+)\.", result.stdout)
    return match[1] if match else None


def root(release):
    """The root directory with this release (or of a moving suite), made if need be."""
    if release in MOVING:
        return make_moving(release)
    if release == "2.1" and machine_release() == "2.1":
        return "/"
    return make(release)


def pacemaker_version(directory):
    """The package's version in a root directory."""
    return run(["dpkg-query", "--root", directory, "-Wf", "${Version}", "pacemaker"]).stdout


def remoted(release):
    """The distribution's own daemon of this release."""
    if root(release) != "/":      # which has it
        return root(release) + UNPACKED + REMOTED
    target = os.path.join(cache_dir(), "pacemaker-remote-" + release)
    with locked():
        if not os.path.exists(target):
            partial = target + ".partial"
            shutil.rmtree(partial, ignore_errors=True)
            os.makedirs(partial)
            tell("apt-get", "-q", "-oAPT::Sandbox::User=root", "download", "pacemaker-remote",
                 cwd=partial)
            for package in glob.glob(partial + "/*.deb"):
                tell("dpkg-deb", "-x", package, partial)
                os.unlink(package)
            os.rename(partial, target)
    return target + REMOTED


def package(name, release):
    """A package file of the distribution with this release of Pacemaker, downloaded once."""
    place = root(release)
    target = os.path.join(cache_dir(), "%s_%s.deb" % (name, release))
    with locked():
        if not os.path.exists(target):
            download = ["apt-get", "-q", "-oAPT::Sandbox::User=root", "download", name]
            with tempfile.TemporaryDirectory(dir=place + "/tmp") as work:
                if place == "/":
                    tell(*download, cwd=work)
                else:
                    options = ["-oAcquire::%s::Proxy=%s" % pair for pair in apt_proxies()]
                    inside(place, "sh", "-ec", 'cd "$1"; shift; exec "$@"', "sh", work[len(place):],
                           *download, *options)
                shutil.move(glob.glob(work + "/*.deb")[0], target + ".partial")
                os.rename(target + ".partial", target)
    return target


def beside(name):
    """Packages of Debian 13, unpacked into a directory of their own."""
    base = root("3.0")
    target = os.path.join(cache_dir(), name)
    with locked():
        if not os.path.isdir(target):
            partial = target + ".partial"
            shutil.rmtree(partial, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=base + "/tmp") as place:
                options = ["-oAcquire::%s::Proxy=%s" % pair for pair in apt_proxies()]
                inside(base, "sh", "-ec", 'cd "$1"; shift; exec apt-get -q "$@"', "sh",
                       place[len(base):], *options, "-oAPT::Sandbox::User=root", "download",
                       *BESIDE[name])
                for package in glob.glob(place + "/*.deb"):
                    tell("dpkg-deb", "-x", package, partial)
            os.rename(partial, target)
    return target


def headers(release):
    """Where the distribution's crm/lrmd.h of this release is."""
    if release == machine_release():
        return "/usr/include/pacemaker"
    if release != "3.0":
        raise LabError("this machine must have Pacemaker %s's headers" % release, EX_MISSING)
    place = beside("headers-" + release)
    return place + "/usr/include/pacemaker"


def cargo_c():
    """A directory with cargo-c's programs, which run on this machine."""
    place = beside("cargo-c")
    programs = os.path.join(place, "programs")
    os.makedirs(programs, exist_ok=True)
    for name in ("cargo-cbuild", "cargo-cinstall"):
        path = os.path.join(programs, name)
        with open(path + ".new", "w") as handle:
            handle.write(FOREIGN % {"root": root("3.0"), "place": place, "name": name})
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)
    return programs


@contextlib.contextmanager
def locked():
    """Two runs at once must not build the same thing."""
    os.makedirs(cache_dir(), exist_ok=True)
    with open(os.path.join(cache_dir(), "lock"), "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def tell(*argv, **kwargs):
    """Run a program whose output is progress for the user; fail if it fails."""
    result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=sys.stderr, **kwargs)
    if result.returncode != 0:
        raise LabError("failed (exit %d): %s" % (result.returncode, " ".join(argv)))


def make(release):
    """Build a root beside its place and rename it when it is complete."""
    target = debootstrapped(release)
    if os.path.isdir(target):
        return target
    if os.geteuid() != 0:
        raise LabError("must be root to make " + target, EX_MISSING)
    need("debootstrap", "unshare", "chroot")
    with locked():
        if not os.path.isdir(target):
            partial = os.path.join(cache_dir(), RELEASES[release] + ".partial")
            log("roots: making %s (once; about two minutes)" % target)
            bootstrap(RELEASES[release], partial)
            install(partial, packages(release))
            for old in glob.glob(os.path.join(cache_dir(), RELEASES[release] + "-*")):
                shutil.rmtree(old)
            os.rename(partial, target)
    return target


def make_moving(suite):
    """Build a root of a moving suite, where a package may fail to be configured."""
    target = os.path.join(cache_dir(), suite)
    with locked():
        if not os.path.isdir(target):
            log("roots: making %s (remove it to have a newer one)" % target)
            bootstrap(suite, target + ".partial")
            try:
                # A mirror that stands still is no harm here: signatures are still checked.
                install(target + ".partial", PACKAGES, "-oAcquire::Check-Valid-Until=false")
            except LabError as exc:
                if not os.path.exists(target + ".partial/usr/sbin/pacemakerd"):
                    raise
                log("roots: %s; what was unpacked is there" % exc)
            os.rename(target + ".partial", target)
    return target


def apt_proxies():
    """Proxies of this machine's apt, as (scheme, address)."""
    return re.findall(r'^Acquire::(https?)::Proxy "([^"]+)";',
                      run(["apt-config", "dump"]).stdout, re.M)


def mirrors():
    """Debian mirrors of this machine's apt configuration, without the security archive."""
    text = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN)/$(LABEL)",
                "Created-By: Packages"]).stdout
    found = [line.split()[0] for line in text.splitlines() if line.endswith(" Debian/Debian")]
    return list(dict.fromkeys(found))


def bootstrap(suite, partial):
    env = dict(os.environ)
    for scheme, address in apt_proxies():
        env.setdefault(scheme + "_proxy", address)
    tried = mirrors()
    for mirror in tried:
        shutil.rmtree(partial, ignore_errors=True)
        with contextlib.suppress(LabError):
            tell("debootstrap", "--variant=minbase", suite, partial, mirror, SCRIPT, env=env)
            return
    raise LabError("debootstrap of %s failed from every mirror of this machine's apt "
                   "configuration: %s" % (suite, ", ".join(tried) or "none"))


def inside(partial, *argv):
    """Run a program in the new root, with a /proc and no process that could outlive it."""
    tell("unshare", "-m", "-p", "--fork", "--kill-child", "--mount-proc=%s/proc" % partial,
         "chroot", partial, *argv, env=dict(os.environ, **INSIDE_ENV))


def install(partial, names, *options):
    shutil.copyfile("/etc/resolv.conf", partial + "/etc/resolv.conf")
    policy = partial + "/usr/sbin/policy-rc.d"
    with open(policy, "w") as handle:
        handle.write("#!/bin/sh\nexit 101\n")
    os.chmod(policy, 0o755)
    options += tuple("-oAcquire::%s::Proxy=%s" % pair for pair in apt_proxies())
    inside(partial, "apt-get", *options, "-q", "update")
    inside(partial, "apt-get", *options, "-qy", "--no-install-recommends", "install", *names)
    inside(partial, "sh", "-ec", UNPACK, "sh", *options)


def main(usage):
    parser = argparse.ArgumentParser(description=usage,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", nargs="?", choices=[*sorted(RELEASES), *MOVING])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--remoted", action="store_true")
    what.add_argument("--headers", action="store_true")
    what.add_argument("--cargo-c", action="store_true")
    args = parser.parse_args()
    try:
        if args.cargo_c:
            print(cargo_c())
        elif args.release and args.headers:
            print(headers(args.release))
        elif args.release:
            print(remoted(args.release) if args.remoted else root(args.release))
        else:
            for release in RELEASES:
                print("%s: %s (distribution's daemon: %s)" % (release, root(release),
                                                              remoted(release)))
    except LabError as exc:
        log("roots: %s" % exc)
        return exc.code
    return 0
