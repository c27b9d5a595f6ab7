# SPDX-License-Identifier: LGPL-2.1-or-later
"""OCF agents for the scenarios with our executor on cluster nodes."""

AGENT = """#!/bin/sh
state=/run/lab-%(name)s-$OCF_RESOURCE_INSTANCE.state
case $1 in
    start) %(start)s; : >$state ;;
    stop) rm -f $state ;;
    monitor) [ -e $state ] || exit 7; %(monitor)s ;;
    meta-data) echo '<resource-agent name="%(name)s"><version>1.1</version></resource-agent>' ;;
    *) exit 3 ;;
esac
"""
FORKER = AGENT % {
    "name": "forker", "monitor": "true",
    "start": "for i in 1 2; do sh -c 'sleep 600; : lab-left-behind' & done"}
STUBBORN = AGENT % {
    "name": "stubborn", "monitor": "true",
    "start": "trap '' HUP INT QUIT TERM USR1; for i in 1 2; do sh -c "
             "'trap \"\" HUP INT QUIT TERM; while :; do sleep 1; done; : lab-stubborn' & done; "
             "while :; do sleep 1; done"}
# base64 of zeros is one letter; what is random cannot be compressed away.
LOUD = AGENT % {
    "name": "loud", "start": "true",
    "monitor": "echo 1 >>/run/lab-loud-$OCF_RESOURCE_INSTANCE; "
               "head -c 8000000 /dev/$OCF_RESKEY_source | base64"}
SLOW = AGENT % {"name": "slow", "monitor": "true",
                "start": "sh -c 'sleep 6; : lab-slow-start'"}
LASTING = AGENT % {"name": "lasting", "start": "true",
                   "monitor": "sh -c 'sleep 2; : lab-lasting'"}
# Without a program of its own but in stop: 500 of them must not be what takes long.
SMALL = AGENT % {"name": "small", "start": "true",
                 "monitor": "printf m >>/run/lab-small-$OCF_RESOURCE_INSTANCE.monitors"}
# Says when it is monitored.
WATCH = AGENT % {"name": "watch", "start": "true", "monitor": "date +%s.%N >>/run/lab-watch-times"}
# What is asked of it without end: it never runs.
QUICK = AGENT % {"name": "quick", "start": "true", "monitor": "true"}

# A fence device that counts its monitors, and fences nobody.
FENCE_WATCH = """#!/bin/sh
while IFS='=' read -r key value; do
    [ "$key" != action ] || action=$value
done
[ $# -eq 0 ] || action=metadata
case $action in
    metadata) echo '<resource-agent name="fence_watch" shortdesc="Watched"><parameters/><actions>' \
        '<action name="off"/><action name="list"/><action name="monitor"/><action name="metadata"/>' \
        '</actions></resource-agent>' ;;
    monitor) printf m >>/run/fence-watch ;;
    list) ;;
    *) exit 1 ;;
esac
"""
# The same for an init script, which is a class of its own and what the class service finds.
INIT_SCRIPT = """#!/bin/sh
### BEGIN INIT INFO
# Provides: lab-script
# Short-Description: Lab
### END INIT INFO
state=/run/lab-script.state
case $1 in
    start) : >$state ;;
    stop) rm -f $state ;;
    status) [ -e $state ] || exit 3 ;;
    *) exit 2 ;;
esac
"""

# Alert agents.  The first tells who it is, and for a start does not end before the alert of a monitor
# has begun; the second does not end at all.
ALERT = """#!/bin/sh
log=/var/log/alerts
echo "begin $CRM_alert_node_sequence $(id -un) $CRM_alert_kind $CRM_alert_rsc $CRM_alert_task" >>$log
if [ "$CRM_alert_rsc $CRM_alert_task" = "rung start" ]; then
    until grep -q 'rung monitor' $log; do sleep 0.1; done
fi
sleep 1
echo "end $CRM_alert_node_sequence" >>$log
"""
ALERT_HANGS = """#!/bin/sh
echo hang >>/var/log/alerts
exec sh -c 'trap "" TERM; while :; do sleep 1; done; : lab-alert-hangs'
"""

# A virtual machine that is a host of the lab: its start and stop use the host's power switch.  Migrated, it stays
# as it is, and is another node's.
VM = """#!/bin/sh
power=/run/lab/power/$OCF_RESKEY_host here=/run/lab-vm-$OCF_RESKEY_host
switch() { /usr/sbin/fence_lab -o $1 -n $OCF_RESKEY_host; }
runs() { [ -e $here ] && [ "$(cat $power.state)" = on ]; }
echo "$1" >>/var/log/lab-vm
case $1 in
    start) runs || { switch on && echo here >$here; } || exit 1 ;;
    stop)
        [ -e $here ] || exit 0
        [ "$(cat $here)" = migrated ] || switch off || exit 1
        rm -f $here ;;
    monitor) runs || exit 7 ;;
    migrate_to) echo migrated >$here ;;
    migrate_from) echo here >$here ;;
    meta-data) cat <<'XML' ;;
<?xml version="1.0"?>
<resource-agent name="Vm"><version>1.1</version>
<parameters><parameter name="host" unique="1"><content type="string"/></parameter></parameters>
<actions><action name="start" timeout="30s"/><action name="stop" timeout="30s"/>
<action name="monitor" interval="3s" timeout="10s"/><action name="migrate_to" timeout="20s"/>
<action name="migrate_from" timeout="20s"/></actions></resource-agent>
XML
    *) exit 3 ;;
esac
"""
# Its stop fails while a file is there.
UNSTOPPABLE = """#!/bin/sh
state=/run/unstoppable-$OCF_RESOURCE_INSTANCE.state
case $1 in
    start) : >$state ;;
    stop) [ ! -e $state ] || [ ! -e /run/lab-stuck ] || exit 1; rm -f $state ;;
    monitor) [ -e $state ] || exit 7 ;;
    meta-data) echo '<resource-agent name="Unstoppable"><version>1.1</version></resource-agent>' ;;
    *) exit 3 ;;
esac
"""
