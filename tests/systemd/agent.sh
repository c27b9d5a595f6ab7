#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# An OCF agent that leaves a process when it starts, and whose monitor takes as long as told.
case $1 in
    meta-data) echo '<resource-agent name="Lasting" version="1"/>' ;;
    start)
        env >"$OCF_RESKEY_dir/environment"
        sleep 1000 >/dev/null 2>&1 </dev/null &
        echo $! >"$OCF_RESKEY_dir/service" ;;
    monitor)
        echo $$ >"$OCF_RESKEY_dir/monitor"
        while [ ! -e "$OCF_RESKEY_dir/go" ]; do sleep 0.1; done
        : >"$OCF_RESKEY_dir/done" ;;
esac
