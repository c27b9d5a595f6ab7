# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small files through which the lanes and the suite outside talk, and where things are."""

import os
import subprocess
import sys

ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
       "HOME": "/root", "LC_ALL": "C", "TERM": "dumb"}
SUITE = "/usr/share/pacemaker/tests/"
#: where the daemon under test goes, by what it takes the place of
PLACE = {"execd": "/usr/lib/pacemaker/pacemaker-execd",
         "remoted": "/usr/sbin/pacemaker-remoted"}
LIBRARIES = {"2.1": "liblrmd.so.28", "3.0": "liblrmd.so.52"}
#: the program that the suite drives; Debian 12 does not package one
HELPER = "/usr/lib/pacemaker/cts-exec-helper"
#: directory inside a lane for a library under test
LIBRARY_DIR = "/usr/lib/cts-lib"


def die(message):
    print("cts-run: " + message, file=sys.stderr)
    sys.exit(2)


def output(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace").stdout


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, errors="replace") as handle:
        return handle.read()


def write(path, text):
    """In one step, for whoever polls the file."""
    with open(path + "~", "w") as handle:
        handle.write(text)
    os.rename(path + "~", path)
