# SPDX-License-Identifier: LGPL-2.1-or-later
"""Process 1 of a lane: builds its root, enters it, and becomes systemd (or a shell)."""

import os
import subprocess
import sys

from cts.files import ENV, HELPER, LIBRARIES, LIBRARY_DIR, PLACE, output, write
from support import libraries

MOUNTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sandbox.sh")
SYSTEMD = ["/lib/systemd/systemd", "--system", "--unit=cts.target", "--log-target=null",
           "--show-status=no"]
WITHOUT_SYSTEMD = ("ulimit -l unlimited; dbus-daemon --system --fork --nopidfile; "
                   "/usr/bin/python3 /cts/code/cts/cts-run _lane /cts/%s.json & wait $!")


def install(config, root):
    """Put what is under test in its place; return what keeps it from running there."""
    problems = []
    os.mkdir(root + LIBRARY_DIR)
    for origin, path in ((config["daemon"], PLACE[config["mode"]]),
                         (config["lib"], "%s/%s" % (LIBRARY_DIR,
                                                    LIBRARIES[config["release"]]))):
        if origin:
            subprocess.run(["install", "-m", "755", origin, root + path], check=True)
            problems += libraries.complete(lambda p: output("chroot", root, "ldd", p), root,
                                           path, origin, config["libs"])
    return problems


def make_helper(root):
    """Build the program that the suite drives, for the release of the root."""
    flags = output("chroot", root, "pkg-config", "--cflags", "--libs", "pacemaker-lrmd", "glib-2.0")
    subprocess.run(["chroot", root, "cc", "-o", HELPER, "/cts/code/cts/helper.c",
                    *flags.split(), "-lcrmcommon"], check=True, env=ENV)


def main(config):
    work, root = config["work"], config["work"] + "/mnt/root"
    subprocess.run(["bash", MOUNTS, config["root"], work, config["lane"],
                    "%d" % config["systemd"], config["suite_root"]], check=True)
    if not os.path.exists(root + HELPER):
        make_helper(root)
    problems = install(config, root)
    if problems:
        write(work + "/error", "\n  ".join(problems))
        sys.exit(2)
    os.chdir(root)
    subprocess.run(["pivot_root", ".", ".old"], check=True)
    os.chroot(".")
    subprocess.run(["umount", "-l", "/.old"], check=True, env=ENV)
    argv = SYSTEMD
    if not config["systemd"]:
        argv = ["/bin/bash", "-c", WITHOUT_SYSTEMD % config["lane"]]
    os.execve(argv[0], argv, dict(ENV, container="cts"))
