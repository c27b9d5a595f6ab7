#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs a program, in a mount namespace of the caller's making, on a node whose agents are the test's: enter-node DIRECTORY
# PROGRAM... puts the directories ocf, init and sbin of DIRECTORY in the place of the node's. Without D-Bus nobody asks
# systemd, and without its plugins cluster-glue offers nothing.
set -e
cd "$1"
shift
mount --bind ocf /usr/lib/ocf/resource.d
mount --bind init /etc/init.d
[ ! -d /usr/lib/stonith ] || mount -t tmpfs none /usr/lib/stonith
mount -t tmpfs none /run
mount --bind sbin /usr/sbin
exec "$@"
