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
