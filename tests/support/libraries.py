# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared libraries that a program built here needs in another root directory."""

import os
import re
import shutil

from support.base import run


def complete(ldd, root, path, origin, extra_dirs=()):
    """Copy into `root` the libraries that the program at `path` (inside it) lacks.

    `ldd(path)` runs ldd inside the root and returns its output.  `origin` is the same
    program on this machine, whose loader tells where its libraries are.  A library that the
    root has is never replaced.  Returns what is still unresolved, one sentence each.
    """
    libc = re.findall(r"libc\.so\.6 => (\S+)", ldd("/bin/sh"))
    here = dict(re.findall(r"(\S+) => (/\S+)", run(["ldd", origin], check=False).stdout))
    while True:
        text = ldd(path)
        missing = sorted(set(re.findall(r"(\S+) => not found", text)))
        copied = False
        for name in missing:
            places = [here.get(name, "")] + [os.path.join(d, name) for d in extra_dirs]
            source = next((place for place in places if os.path.isfile(place)), None)
            if source and libc:
                shutil.copy(source, root + os.path.join(os.path.dirname(libc[0]), name))
                copied = True
        if not copied:
            return ["%s: %s is neither in the root nor on this machine" % (origin, name)
                    for name in missing] + [
                "%s: %s" % (origin, line)
                for line in sorted(set(re.findall(r"version \S+ not found \(.*?\)", text)))]
