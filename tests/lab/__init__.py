# SPDX-License-Identifier: LGPL-2.1-or-later
"""lab - a real Pacemaker cluster with remote hosts on one Linux machine.

Every host lives in its own network, mount, pid, uts and ipc namespace, with a
private copy-on-write root (overlayfs on tmpfs) over / or over another root
directory.  Cluster nodes run the unmodified corosync and pacemakerd found in
that root; remote and guest hosts run a pacemaker-remoted given by path.  All
links meet in one bridge inside one more network namespace, so nothing is added
to the machine's own network configuration, and nothing is left when the lab is
taken down: every object belongs to a namespace that dies with its init.

Where to look: cli.py (options), commands.py (one function for each command),
bringup.py and teardown.py (the life of a lab), state.py (the lab seen from
outside), cluster.py (questions to the cluster), net.py (links), configs.py
(files given to the hosts), init.py and hostroot.py (inside a host), relay.py
(slow and broken links), capture.py (recorded TLS plaintext).
"""
