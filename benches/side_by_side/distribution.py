# SPDX-License-Identifier: LGPL-2.1-or-later
"""What comes from the distribution: its daemons, and a client linked with its liblrmd.

Both are kept in a cache outside the repository, ${PCMK_TEST_CACHE:-/var/cache/pcmk-remote-rs}.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import tempfile

from .errors import BenchError

CACHE = os.environ.get("PCMK_TEST_CACHE", "/var/cache/pcmk-remote-rs")
PACKAGES = "pacemaker pacemaker-resource-agents pacemaker-dev libglib2.0-dev libqb-dev libssl-dev pkg-config gcc"
# Makes and names root directories with other releases.
ROOTS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))), "tests", "roots")
# What a program is linked with, as pkg-config calls it, where that is not liblrmd.
LIBRARIES = {"bare-qb": "libqb", "bare-tls": "openssl"}


def _call(command, what, **options):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              **options)
    except OSError as error:
        raise BenchError(f"{what}: {error}") from error
    if done.returncode != 0:
        raise BenchError(f"{what}: {' '.join(command)} failed:\n{done.stdout.strip()}")
    return done.stdout


EXECD = "/usr/lib/pacemaker/pacemaker-execd"


def execd():
    """The executor of the package pacemaker, which is installed."""
    if not os.path.exists(EXECD):
        raise BenchError(f"{EXECD} is missing: apt-get install pacemaker")
    return EXECD


def library_directory():
    """Where the package's liblrmd is."""
    return _call(["pkg-config", "--variable=libdir", "pacemaker-lrmd"], f"looking for liblrmd ({PACKAGES})").strip()


def remoted():
    """The distribution's daemon, unpacked: its package conflicts with the package pacemaker, whose libraries
    and agents it uses, so it cannot be installed beside it."""
    place = os.path.join(CACHE, "pacemaker-remote")
    binary = os.path.join(place, "usr", "sbin", "pacemaker-remoted")
    if os.path.exists(binary):
        return binary
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as fresh:
        _call(["apt-get", "-o", "APT::Sandbox::User=root", "download", "pacemaker-remote"],
              "fetching the distribution's pacemaker-remote", cwd=fresh)
        unpacked = os.path.join(fresh, "unpacked")
        _call(["dpkg", "-x", *glob.glob(os.path.join(fresh, "*.deb")), unpacked], "unpacking pacemaker-remote")
        # Whole or not at all: an interrupted run must not leave half a package that a later one trusts.
        shutil.rmtree(place, ignore_errors=True)
        os.rename(unpacked, place)
    return binary


def _of_3_0(*words):
    """What tests/roots names; what it makes first goes to standard error, which is none of the name."""
    done = subprocess.run([ROOTS, *words, "3.0"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise BenchError("tests/roots cannot make a root directory with Pacemaker 3.0; the reason stands above")
    return done.stdout.strip()


def remoted_3_0():
    """The daemon of 3.0.0."""
    return _of_3_0("--remoted")


def programs_3_0(sources):
    """The root directory with 3.0.0, and the client that is linked with its library."""
    root, place = _of_3_0(), os.path.join(CACHE, "bench-3.0-" + hashlib.sha256(sources.encode()).hexdigest()[:8])
    os.makedirs(place, exist_ok=True)
    binary = os.path.join(place, "lrmd-bench")
    flags = _call(["pkg-config", "--cflags", "glib-2.0", "libxml-2.0"], f"looking for glib ({PACKAGES})").split()
    library = os.path.join(root, "usr/lib/x86_64-linux-gnu/liblrmd.so.52")
    _call(["cc", "-O2", "-Wall", "-I", _of_3_0("--headers"), *flags, os.path.join(sources, "lrmd-bench.c"), "-o",
           binary + ".new", "-Wl,--allow-shlib-undefined", "-Wl,--as-needed", library, "-lglib-2.0"],
          f"building lrmd-bench for 3.0 (it needs: apt-get install {PACKAGES})")
    os.rename(binary + ".new", binary)
    return {"root-3.0": root, "lrmd-bench-3.0": binary}


def program(name, sources):
    """One of the programs here, compiled when it is not there or older than its sources. In a place for these
    sources alone, so that another version of them does not use it."""
    files = [os.path.join(sources, file) for file in (name + ".c", "samples.h", "child.h")]
    place = hashlib.sha256(sources.encode()).hexdigest()[:8]
    binary = os.path.join(CACHE, "bench-" + place, name)
    if os.path.exists(binary) and os.path.getmtime(binary) > max(map(os.path.getmtime, files)):
        return binary
    os.makedirs(os.path.dirname(binary), exist_ok=True)
    hint = f"building {name} (it needs: apt-get install {PACKAGES})"
    library = LIBRARIES.get(name, "pacemaker-lrmd")
    flags = _call(["pkg-config", "--cflags", "--libs", library, "glib-2.0"], hint).split()
    if library == "pacemaker-lrmd":
        # -lcrmcommon and -lqb are what the library itself needs; a client names only what it calls.
        flags = [flag for flag in flags if not flag.startswith("-l") or flag in ("-llrmd", "-lglib-2.0")]
    _call(["cc", "-O2", "-Wall", files[0], "-o", binary + ".new", *flags], hint)
    os.rename(binary + ".new", binary)
    return binary
