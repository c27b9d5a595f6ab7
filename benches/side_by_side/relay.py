# SPDX-License-Identifier: LGPL-2.1-or-later
"""A way to the daemon that freezes: it passes bytes on until the client asks it to stop, by SIGUSR1."""

import os
import select
import signal
import socket

from .daemon import PORT


class Relay:
    """One connection, passed on by a child of its own; `port` is where it listens."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.child = os.fork()
        if self.child == 0:
            try:
                self._pass_on()
            finally:
                os._exit(0)
        # lrmd-many finds whom to freeze.
        os.environ["BENCH_RELAY"] = str(self.child)

    def _pass_on(self):
        near, _ = self.listener.accept()
        far = socket.create_connection(("127.0.0.1", PORT))
        other = {near: far, far: near}
        while True:
            for ready in select.select(list(other), [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return
                other[ready].sendall(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        self.listener.close()
