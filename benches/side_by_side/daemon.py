# SPDX-License-Identifier: LGPL-2.1-or-later
"""One running daemon: started, watched through /proc, stopped."""

import os
import subprocess
import time

from .errors import BenchError

PORT = 3121
SOCKET = "@lrmd"
LOG = "/run/daemon.log"
START_LIMIT_S = 60  # upstream has been seen to need 9 s on a busy machine
STOP_LIMIT_S = 20
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def _serves_locally():
    """libqb pads the abstract name of its socket with zeroes, which /proc shows as @."""
    with open("/proc/net/unix", encoding="ascii", errors="replace") as lines:
        return any(line.split()[-1].rstrip("@") == SOCKET for line in lines)


def _listens():
    port = f":{PORT:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as lines:
            for line in lines:
                fields = line.split()
                if fields[1].endswith(port) and fields[3] == "0A":  # TCP_LISTEN
                    return True
    return False


# When a daemon is ready, by the name of its program.
READY = {"pacemaker-remoted": _listens, "pacemaker-execd": _serves_locally}


class Daemon:
    """A daemon that listens. `start_ms` is how long that took from the moment it was started.

    `prefix`: words that start it elsewhere, where its log is seen here as `log`; `variables`: more of its environment."""

    def __init__(self, path, prefix=(), variables=None, log=LOG):
        self.path, self.log = path, log
        began = time.perf_counter()
        with open(LOG + ".stderr", "wb") as errors:
            self.process = subprocess.Popen([*prefix, path, "-l", LOG], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=errors,
                                            env={**os.environ, **(variables or {})})
        ready = READY[os.path.basename(path)]
        while not ready():
            if self.process.poll() is not None:
                raise BenchError(f"{path} ended with status {self.process.returncode} before it listened\n"
                                 + self._last_words())
            if time.perf_counter() - began > START_LIMIT_S:
                self.process.kill()
                raise BenchError(f"{path} does not listen after {START_LIMIT_S} s\n"
                                 + self._last_words())
            time.sleep(0.0005)  # the resolution of start_ms
        self.start_ms = (time.perf_counter() - began) * 1e3

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _last_words(self):
        text = b""
        for name in (self.log, LOG + ".stderr"):
            if os.path.exists(name):
                with open(name, "rb") as file:
                    text += file.read()[-2000:]
        return text.decode(errors="replace")

    def stop(self):
        """SIGTERM to exit, in milliseconds."""
        if self.process.poll() is not None:
            raise BenchError(f"{self.path} had ended by itself, status {self.process.returncode}\n"
                             + self._last_words())
        began = time.perf_counter()
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"{self.path} still runs {STOP_LIMIT_S} s after SIGTERM") from error
        return (time.perf_counter() - began) * 1e3

    def memory_kib(self):
        """Resident, proportional and private written memory. The proportional size depends on what else on the
        machine uses the same libraries; the private one does not."""
        sizes = {}
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as lines:
            for line in lines:
                name, _, rest = line.partition(":")
                if name in ("Rss", "Pss", "Private_Dirty"):
                    sizes[name] = int(rest.split()[0])
        return sizes

    def sockets(self):
        """How many it has open."""
        count = 0
        for entry in os.scandir(f"/proc/{self.process.pid}/fd"):
            try:
                count += os.readlink(entry.path).startswith("socket:")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def own_cpu_us(self):
        """CPU time of the daemon's threads, without that of its children. Finer than cpu_s, whose unit is a tick. A
        thread that ends meanwhile takes its time with it."""
        total_ns = 0
        for thread in os.scandir(f"/proc/{self.process.pid}/task"):
            with open(thread.path + "/schedstat", encoding="ascii") as file:
                total_ns += int(file.read().split()[0])
        return total_ns / 1e3

    def cpu_s(self):
        """CPU seconds of the daemon itself and of the children it has waited for."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        own_user, own_system, children_user, children_system = (int(field) / TICKS_A_SECOND for field in fields[11:15])
        return own_user + own_system, children_user + children_system
