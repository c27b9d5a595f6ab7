# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agents, which log every run to a directory that all hosts share, and planted faults."""

# What the machine has been up for: no step of a clock changes it.
#   KIND UPTIME HOST RESOURCE ACTION INTERVAL PID STATUS
# A line "B" when a run begins, "E" with its status when it ends, "O" when another run for the same
# resource is still alive on the host, "S" when the promotion score could not be set.
RES = r"""#!/bin/bash
if [ "$1" = meta-data ]; then
    cat <<'XML'
<?xml version="1.0"?>
<resource-agent name="res" version="1.0"><version>1.1</version>
<longdesc lang="en">chaos</longdesc><shortdesc lang="en">chaos</shortdesc>
<parameters><parameter name="generation" unique="0"><longdesc lang="en">Changed to have the resource restarted
</longdesc><shortdesc lang="en">Generation</shortdesc><content type="string" default="0"/></parameter></parameters>
<actions><action name="start" timeout="20s"/><action name="stop" timeout="20s"/>
<action name="monitor" timeout="20s" interval="10s" depth="0"/>
<action name="promote" timeout="20s"/><action name="demote" timeout="20s"/>
<action name="notify" timeout="20s"/><action name="migrate_to" timeout="20s"/>
<action name="migrate_from" timeout="20s"/><action name="meta-data" timeout="5s"/></actions>
</resource-agent>
XML
    exit 0
fi
id=$OCF_RESOURCE_INSTANCE act=$1 interval=${OCF_RESKEY_CRM_meta_interval:-0}
shared=/run/lab/power/chaos state=/run/chaos-$id.state
say() {
    read -r up _ </proc/uptime
    printf '%s %s %s %s %s %s %s %s\n' "$1" "$up" "$HOSTNAME" "$id" "$act" "$interval" "$$" "$2" \
        >>"$shared/runs.$HOSTNAME"
}
end() { say E "$1"; exit "$1"; }
exec 9>"/run/chaos-$id.lock"
say B -
flock -n 9 || say O -
mode= knob=$shared/knob.$id.$act
[ ! -e "$knob" ] || { read -r mode <"$knob"; rm -f "$knob"; }
case $mode in
    fail) echo "told to fail" >&2; end 1 ;;
    hang) sleep 777777 9>&- ;;
    stubborn) trap '' TERM HUP INT; while :; do sleep 7.77 9>&-; done ;;
    loud) head -c 5000000 /dev/urandom | base64 9>&- ;;
    slow) sleep 6 9>&- ;;
esac
active() { [ -e "$state" ] && read -r now <"$state"; }
score() {
    [ "$id" = pr ] || return 0
    /usr/sbin/crm_attribute --promotion -l reboot -v "$1" 9>&- >/dev/null 2>>"$shared/scores.$HOSTNAME" || say S $?
}
pause() { sleep 0.$((RANDOM % 5)) 9>&-; }
case $act in
    start) pause; score 5; echo started >"$state" ;;
    stop) pause; rm -f "$state" ;;
    promote) score 10; echo promoted >"$state" ;;
    demote) score 5; echo started >"$state" ;;
    notify | validate-all) ;;
    migrate_to) active || end 1; pause; rm -f "$state" ;;
    migrate_from) echo started >"$state" ;;
    monitor) active || end 7; echo "chaos $id $now"; [ "$now" != promoted ] || end 8 ;;
    *) end 3 ;;
esac
end 0
"""

# What a daemon with a fault would do to a run, done in front of the agent: only there can it be
# planted without being in a build.  dropped: the cluster is told of a run that was not; doubled: the
# agent runs twice; overlapping: twice at once.
PLANTED = r"""#!/bin/bash
real=/usr/lib/ocf/lib/chaos-res
if [ "$1" = meta-data ] || [ $((SRANDOM %% %(one_in)d)) -ne 0 ]; then
    exec $real "$@"
fi
echo "$1 $OCF_RESOURCE_INSTANCE" >>/run/lab/power/chaos/planted.$HOSTNAME
case %(fault)s in
    drop)
        state=/run/chaos-$OCF_RESOURCE_INSTANCE.state
        [ "$1" = monitor ] || exit 0
        [ -e "$state" ] || exit 7
        read -r now <"$state"
        [ "$now" != promoted ] || exit 8
        exit 0 ;;
    double) $real "$@"; exec $real "$@" ;;
    overlap) $real "$@" & $real "$@"; status=$?; wait; exit $status ;;
esac
"""
FAULTS = ("drop", "double", "overlap")

# A guest: its start switches its host off and on.
VM = r"""#!/bin/bash
state=/run/chaos-vm-$OCF_RESKEY_plug.state
case $1 in
    start) /usr/sbin/fence_lab -o reboot -n "$OCF_RESKEY_plug" || exit 1; : >$state ;;
    stop) /usr/sbin/fence_lab -o off -n "$OCF_RESKEY_plug" || exit 1; rm -f $state ;;
    monitor) [ -e $state ] && [ "$(cat /run/lab/power/$OCF_RESKEY_plug.state)" = on ] || exit 7 ;;
    meta-data) cat <<'XML'
<?xml version="1.0"?>
<resource-agent name="vm" version="1.0"><version>1.1</version>
<longdesc lang="en">A host of the lab</longdesc><shortdesc lang="en">A host of the lab</shortdesc>
<parameters><parameter name="plug" unique="0"><longdesc lang="en">Its name</longdesc>
<shortdesc lang="en">Its name</shortdesc><content type="string"/></parameter></parameters>
<actions><action name="start" timeout="30s"/><action name="stop" timeout="30s"/>
<action name="monitor" timeout="20s" interval="10s"/><action name="meta-data" timeout="5s"/></actions>
</resource-agent>
XML
        ;;
    *) exit 3 ;;
esac
"""
