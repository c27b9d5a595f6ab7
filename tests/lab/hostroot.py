# SPDX-License-Identifier: LGPL-2.1-or-later
"""The root file system of a host, built by its init before it leaves this machine's."""

import contextlib
import ctypes
import os
import subprocess

from support.base import write_file

MNT_DETACH = 2
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def sh(*argv):
    result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL, timeout=30)
    if result.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(argv),
                                       result.stdout.decode(errors="replace").strip()))


class HostRoot:
    """Builds the root described by a host's specification, then enters it."""

    def __init__(self, spec):
        self.spec = spec
        self.base = os.path.join(spec["hostdir"], "mnt")
        self.new = os.path.join(self.base, "root")
        self.cluster_user = (spec["uid"], spec["gid"])

    def enter(self):
        self.overlay()
        self.kernel_file_systems()
        self.devices()
        self.run_directories()
        self.cluster_state()
        self.logs()
        self.shares()
        self.files()
        self.pivot()

    def inside(self, path):
        return self.new + path

    def tmpfs(self, path, mode, owner=(0, 0)):
        os.makedirs(self.inside(path), exist_ok=True)
        sh("mount", "-t", "tmpfs", "-o", "mode=%o,uid=%d,gid=%d" % (mode, *owner), "lab",
           self.inside(path))

    def mkdir(self, path, mode, owner=(0, 0)):
        os.makedirs(self.inside(path), exist_ok=True)
        os.chmod(self.inside(path), mode)
        os.chown(self.inside(path), *owner)

    def overlay(self):
        os.makedirs(self.base, exist_ok=True)
        sh("mount", "--make-rprivate", "/")
        sh("mount", "-t", "tmpfs", "-o", "mode=755", "lab", self.base)
        for sub in ("upper", "work", "root"):
            os.mkdir(os.path.join(self.base, sub), 0o755)
        sh("mount", "-t", "overlay", "-o", "lowerdir=%s,upperdir=%s,workdir=%s" % (
            self.spec["root"], os.path.join(self.base, "upper"),
            os.path.join(self.base, "work")), "lab", self.new)

    def kernel_file_systems(self):
        for path in ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/log", "/etc", "/var/lib"):
            os.makedirs(self.inside(path), exist_ok=True)
        sh("mount", "-t", "proc", "proc", self.inside("/proc"))
        sh("mount", "-t", "sysfs", "-o", "ro", "sysfs", self.inside("/sys"))

    def devices(self):
        self.tmpfs("/dev", 0o755)
        for name in DEVICES:
            open(self.inside("/dev/" + name), "w").close()
            sh("mount", "--bind", "/dev/" + name, self.inside("/dev/" + name))
        self.mkdir("/dev/pts", 0o755)
        sh("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts",
           self.inside("/dev/pts"))
        os.symlink("pts/ptmx", self.inside("/dev/ptmx"))
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            os.symlink("/proc/self/fd/%d" % number, self.inside("/dev/" + name))
        os.symlink("/proc/self/fd", self.inside("/dev/fd"))
        self.tmpfs("/dev/shm", 0o1777)

    def run_directories(self):
        self.tmpfs("/run", 0o755)
        self.tmpfs("/tmp", 0o1777)
        self.mkdir("/run/lock", 0o1777)
        self.mkdir("/run/resource-agents", 0o1755)
        self.mkdir("/run/crm", 0o750, self.cluster_user)
        self.mkdir("/run/lab", 0o755)
        self.mkdir("/run/lab/power", 0o755)
        sh("mount", "--bind", self.spec["powerdir"], self.inside("/run/lab/power"))

    def cluster_state(self):
        """State and configuration start empty, whatever the root directory holds: it may be
        a machine that has been a cluster node."""
        for path in ("/var/lib/corosync", "/etc/corosync"):
            self.tmpfs(path, 0o755)
        self.tmpfs("/etc/pacemaker", 0o750, (0, self.spec["gid"]))
        self.tmpfs("/var/lib/pacemaker", 0o750, self.cluster_user)
        for sub in ("blackbox", "cib", "cores", "pengine"):
            self.mkdir("/var/lib/pacemaker/" + sub, 0o750, self.cluster_user)

    def logs(self):
        sh("mount", "--bind", os.path.join(self.spec["hostdir"], "log"),
           self.inside("/var/log"))
        self.mkdir("/var/log/pacemaker", 0o770, self.cluster_user)
        self.mkdir("/var/log/pacemaker/bundles", 0o770, self.cluster_user)
        self.mkdir("/var/log/cluster", 0o755)
        self.mkdir("/var/log/corosync", 0o755)
        self.mkdir("/var/log/lab-capture", 0o1777)

    def shares(self):
        for source, place in self.spec["shares"]:
            target = self.inside(place)
            if os.path.isdir(source):
                os.makedirs(target, exist_ok=True)
            else:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                open(target, "a").close()
            sh("mount", "--rbind", source, target)

    def files(self):
        write_file(self.inside("/etc/hostname"), self.spec["name"] + "\n")
        write_file(self.inside("/etc/hosts"), self.spec["hosts"])
        write_file(self.inside("/etc/resolv.conf"), "")
        for item in self.spec["files"]:
            target = self.inside(item["path"])
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(item["src"], "rb") as handle:
                write_file(target, handle.read(), item["mode"], item.get("uid", 0),
                           item.get("gid", 0))

    def pivot(self):
        os.makedirs(self.inside("/.lab-old"), exist_ok=True)
        os.chdir(self.new)
        sh("pivot_root", ".", ".lab-old")
        os.chdir("/")
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.umount2(b"/.lab-old", MNT_DETACH) != 0:
            raise OSError(ctypes.get_errno(), "cannot detach the old root")
        with contextlib.suppress(OSError):
            os.rmdir("/.lab-old")
