# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line of the lab."""

import argparse
import sys

import lab as lab_package
from lab import bringup, commands, configs, init, relay, state
from support.base import EX_FAIL, LabError, log

EPILOG = """\
Hosts are named n1.. (cluster nodes), r1.. (remote nodes) and g1.. (guest nodes).

Examples:
  lab up                                   one node, one remote, the root's own daemon
  lab up -n 2 -m 1 --remoted target/debug/pacemaker-remoted \\
         --remote-env PCMK_debug=yes       a replacement daemon on r1
  lab up --remoted ./mine --remoted r2=/usr/sbin/pacemaker-remoted -m 2
  lab up --lib-over build/liblrmd.so.28    cluster daemons on another liblrmd
  lab up --root $(tests/roots 3.0) --tls x509  another distribution, certificates
  lab add dummy d1 r1 && lab wait rsc d1 r1
  lab exec r1 crm_mon -1
  lab cut r1; lab wait node r1 offline,unclean; lab heal r1
  lab signal r1 KILL; lab daemon r1 start
  lab down --collect /tmp/lab-logs

Exit status: 0 success, 1 failure, 2 wrong usage, 3 something is missing,
4 timed out; 'exec' passes on the status of the command (124: timed out).
"""


def parser():
    top = argparse.ArgumentParser(
        prog="lab", description=lab_package.__doc__.partition("\nWhere to look")[0], epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("-d", "--dir", default=state.DEFAULT_DIR,
                     help="work directory, one lab each (default: $LAB_DIR or %(default)s)")
    top.add_argument("--version", action="version", version=bringup.VERSION)
    sub = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_up(sub)
    add_life(sub)
    add_links(sub)
    add_daemons(sub)
    add_cluster(sub)
    add_records(sub)
    return top


def up_options(*words):
    """The options of "lab up" for callers in Python."""
    return parser().parse_args(["up", *words])


def add_up(sub):
    p = sub.add_parser("up", help="bring a cluster up")
    p.add_argument("-n", "--nodes", type=int, default=1, help="cluster nodes (default 1)")
    p.add_argument("-m", "--remotes", type=int, default=1, help="remote nodes (default 1)")
    p.add_argument("-g", "--guests", type=int, default=0, help="guest nodes (default 0)")
    p.add_argument("--remoted", action="append", metavar="[HOST=]PATH",
                   help="pacemaker-remoted to run (default: /usr/sbin/pacemaker-remoted of "
                        "the root directory); it is copied into the host")
    p.add_argument("--execd", metavar="PATH",
                   help="pacemaker-execd of the cluster nodes, in place of the root directory's; "
                        "it is copied into the host")
    p.add_argument("--root", default="/", metavar="DIR",
                   help="root directory the hosts see, copy-on-write (default /)")
    p.add_argument("--node-root", metavar="DIR", help="root directory of cluster nodes only")
    p.add_argument("--remote-root", metavar="DIR",
                   help="root directory of remote and guest nodes only")
    p.add_argument("--env", action="append", metavar="[HOST:]K=V",
                   help="environment of the daemons on all hosts")
    p.add_argument("--node-env", action="append", metavar="[HOST:]K=V",
                   help="environment of corosync and pacemakerd")
    p.add_argument("--remote-env", action="append", metavar="[HOST:]K=V",
                   help="environment of pacemaker-remoted")
    p.add_argument("--lib-dir", metavar="DIR",
                   help="LD_LIBRARY_PATH of the cluster nodes: DIR, seen as /opt/lab-lib")
    p.add_argument("--lib-over", action="append", metavar="FILE",
                   help="put FILE in place of the library of the same name on every host that "
                        "has one")
    p.add_argument("--lib-over-nodes-only", action="store_true",
                   help="leave remote hosts and guests their libraries")
    p.add_argument("--share", action="append", metavar="PATH[:INSIDE]",
                   help="bind mount a path of this machine into every host")
    add_up_cluster(p)
    p.set_defaults(func=commands.up)


def add_up_cluster(p):
    p.add_argument("--tls", choices=("psk", "x509"), default="psk",
                   help="remote authentication: shared key, or certificates (3.0 and later)")
    p.add_argument("--authkey-size", type=int, default=256, metavar="BYTES",
                   help="size of the generated key (default 256; key generators often use 4096)")
    p.add_argument("--authkey", metavar="FILE", help="use this key instead of a new one")
    p.add_argument("--authkey-path", default=configs.AUTHKEY, metavar="INSIDE",
                   help="where the hosts have the key (default %(default)s), and are told so")
    p.add_argument("--transport", choices=("knet", "udpu"), default="knet")
    p.add_argument("--token", type=int, default=1000, metavar="MS",
                   help="corosync token timeout (default 1000)")
    p.add_argument("--cluster", default="lab", metavar="NAME", help="cluster name")
    p.add_argument("--subnet", default="10.199.0", metavar="A.B.C",
                   help="first three octets of the addresses (default %(default)s)")
    p.add_argument("--property", action="append", metavar="NAME=VALUE",
                   help="cluster option in the first CIB")
    p.add_argument("--cib", metavar="FILE", help="start from this CIB instead of a new one")
    p.add_argument("--fencing", action="store_true",
                   help="enable fencing with the agent fence_lab, which power-cycles hosts")
    p.add_argument("--reconnect-interval", metavar="TIME",
                   help="reconnect_interval of the remote resources")
    p.add_argument("--remote-monitor", default="10s", metavar="TIME",
                   help="monitor interval of the remote resources (default %(default)s)")
    p.add_argument("--remote-monitor-timeout", default="15s", metavar="TIME")
    p.add_argument("--remote-start-timeout", default="20s", metavar="TIME")
    p.add_argument("--remote-port", type=int, default=configs.REMOTE_PORT)
    p.add_argument("--capture", action="store_true",
                   help="record TLS plaintext of daemons that use GnuTLS (needs cc); see 'wire'")
    p.add_argument("--no-resources", action="store_true",
                   help="do not add the remote and guest nodes to the configuration")
    p.add_argument("--keep", action="store_true", help="leave a failed bring-up for inspection")
    p.add_argument("-t", "--timeout", type=float, default=60, metavar="S",
                   help="limit for each phase (default 60)")


def add_life(sub):
    p = sub.add_parser("down", help="stop everything and remove every namespace")
    p.add_argument("--force", action="store_true", help="kill, do not stop the daemons first")
    p.add_argument("--collect", metavar="DIR", help="collect logs first")
    p.add_argument("--purge", action="store_true", help="also remove the work directory")
    p.add_argument("-t", "--timeout", type=float, default=30, metavar="S",
                   help="limit for each group of daemons to stop (default 30)")
    p.set_defaults(func=commands.down)

    p = sub.add_parser("status", help="hosts, links and daemons")
    p.set_defaults(func=commands.status)

    p = sub.add_parser("ps", help="processes of a host (pids as seen from outside)")
    p.add_argument("host", nargs="?")
    p.set_defaults(func=commands.ps)

    p = sub.add_parser("exec", help="run a command inside a host")
    p.add_argument("-t", "--timeout", type=float, default=60, metavar="S")
    p.add_argument("-e", "--env", action="append", metavar="K=V")
    p.add_argument("host")
    p.add_argument("argv", nargs=argparse.REMAINDER, metavar="CMD...")
    p.set_defaults(func=commands.exec_)

    p = sub.add_parser("cp", help="copy a file: SRC HOST:DST or HOST:SRC DST")
    p.add_argument("source")
    p.add_argument("target")
    p.set_defaults(func=commands.cp)


def add_links(sub):
    p = sub.add_parser("cut", help="cut the link of a host (default: silent loss)")
    p.add_argument("host")
    how = p.add_mutually_exclusive_group()
    how.add_argument("--rst", action="store_true",
                     help="answer every TCP segment with a reset, drop the rest")
    how.add_argument("--carrier", action="store_true", help="take the carrier away")
    how.add_argument("--only", choices=("in", "out"), help="drop one direction only")
    p.set_defaults(func=commands.link)

    p = sub.add_parser("heal", help="restore the link of a host completely")
    p.add_argument("host")
    p.set_defaults(func=commands.link)

    p = sub.add_parser("netem", help="delay and lose frames of a host, in each direction")
    p.add_argument("host")
    p.add_argument("--delay", type=float, default=0, metavar="MS")
    p.add_argument("--jitter", type=float, default=0, metavar="MS")
    p.add_argument("--loss", type=float, default=0, metavar="PERCENT")
    p.add_argument("--off", action="store_true")
    p.add_argument("--backend", choices=("auto", "netem", "relay"), default="auto",
                   help="kernel netem, or a user-space relay (auto: netem if there is one)")
    p.set_defaults(func=commands.link)


def add_daemons(sub):
    p = sub.add_parser("signal", help="send a signal to a daemon: KILL, STOP, CONT, TERM, ...")
    p.add_argument("host")
    p.add_argument("signal")
    p.add_argument("process", nargs="?",
                   help="program name, or 'all' (default: pacemakerd or pacemaker-remoted)")
    p.set_defaults(func=commands.send_signal)

    p = sub.add_parser("daemon", help="start, stop or restart a daemon of a host")
    p.add_argument("host")
    p.add_argument("action", choices=("start", "stop", "restart", "status"))
    p.add_argument("daemon", nargs="?",
                   help="default: pacemakerd or pacemaker-remoted; also: corosync")
    p.add_argument("--binary", metavar="PATH", help="another pacemaker-remoted from now on")
    p.add_argument("-e", "--env", action="append", metavar="K=V")
    p.add_argument("-t", "--timeout", type=float, default=60, metavar="S")
    p.set_defaults(func=commands.daemon)

    p = sub.add_parser("power", help="the switch that fencing uses: kills everything in a host")
    p.add_argument("host")
    p.add_argument("action", choices=("on", "off", "reboot", "status"))
    p.add_argument("-t", "--timeout", type=float, default=15, metavar="S")
    p.set_defaults(func=commands.power)


def add_cluster(sub):
    p = sub.add_parser("add", help="add configuration: dummy ID [HOST] | remote HOST... | "
                                   "alert LOGFILE | xml SECTION FILE")
    p.add_argument("shape", choices=("dummy", "remote", "alert", "xml"))
    p.add_argument("args", nargs="*")
    p.add_argument("--interval", default="5s", help="monitor interval of a dummy")
    p.add_argument("--score", default="INFINITY", help="score of a dummy's location constraint")
    p.set_defaults(func=commands.add)

    p = sub.add_parser("wait", help="wait: node NAME STATE[,STATE] | "
                                    "rsc ID HOST|started|stopped|failed|absent")
    p.add_argument("what", choices=("node", "rsc"))
    p.add_argument("name")
    p.add_argument("state")
    p.add_argument("-t", "--timeout", type=float, default=60, metavar="S")
    p.add_argument("-i", "--interval", type=float, default=0.2, metavar="S")
    p.set_defaults(func=commands.wait)


def add_records(sub):
    p = sub.add_parser("collect", help="copy logs, CIB and status of every host to a directory")
    p.add_argument("target")
    p.set_defaults(func=commands.collect)

    p = sub.add_parser("pcap", help="record the frames on the link of a host, or of 'all'")
    p.add_argument("host")
    p.add_argument("file")
    p.add_argument("-s", "--seconds", type=float, default=10, metavar="S")
    p.set_defaults(func=commands.pcap)

    p = sub.add_parser("wire", help="decode what --capture recorded: one XML file per message")
    p.add_argument("target")
    p.add_argument("--side", choices=("node", "remote", "both"), default="node",
                   help="whose recording to use (default node: works for any remoted)")
    p.add_argument("--logs", metavar="DIR", help="a directory made by 'collect'")
    p.set_defaults(func=commands.wire)


def internal_parser():
    """What the lab starts itself with: the init of a host, a relay, a recorder."""
    top = argparse.ArgumentParser(prog="lab")
    top.add_argument("-d", "--dir")
    sub = top.add_subparsers(dest="command", required=True)
    p = sub.add_parser("__init")
    p.add_argument("spec")
    p.set_defaults(func=init.main)
    p = sub.add_parser("__relay")
    p.add_argument("host_dev")
    p.add_argument("net_dev")
    p.add_argument("--delay", type=float, default=0)
    p.add_argument("--jitter", type=float, default=0)
    p.add_argument("--loss", type=float, default=0)
    p.add_argument("--reset", action="store_true")
    p.add_argument("--drop", choices=("in", "out", "both"))
    p.set_defaults(func=relay.main)
    p = sub.add_parser("__pcap")
    p.add_argument("dev")
    p.add_argument("file")
    p.add_argument("--seconds", type=float, default=10)
    p.set_defaults(func=relay.record)
    return top


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    if any(word in ("__init", "__relay", "__pcap") for word in argv[:3]):
        args = internal_parser().parse_args(argv)
        return args.func(args)
    args = parser().parse_args(argv)
    try:
        return args.func(state.Lab(args.dir), args)
    except LabError as exc:
        log("lab: %s" % exc)
        return exc.code
    except PermissionError as exc:
        log("lab: %s (root is needed)" % exc)
        return EX_FAIL
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return EX_FAIL
