# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tools and agents of one release on a remote host of a cluster of the other one.

What is not asked here, since upstream's tools themselves fail: 2.1's do not understand the
node states in the CIB of a 3.0 cluster, and 3.0's attrd_updater -Q asks a 2.1 cluster for
the node "localhost".
"""

from cluster.everyday import ResourceTests, check_termination
from cluster.tools import BigToolTests


class Mixed(ResourceTests, BigToolTests):
    #: the release of the remote host is the one that the cluster is not
    remote_release = {"2.1": "3.0", "3.0": "2.1"}

    def test_terminated(self):
        """SIGTERM: resources leave first, then the daemon exits with 0."""
        check_termination(self)
