# SPDX-License-Identifier: LGPL-2.1-or-later
# The root of a lane, built by process 1 of its new namespaces: all of it is mounted in this
# mount namespace only.  $1 the root directory, $2 the work directory, $3 the lane, $4 1: systemd,
# $5 the root directory that has the suite
set -eu
mounts=$2/mnt
root=$mounts/root
mount --make-rprivate /
mount -t tmpfs -o size=2g cts "$mounts"
mkdir "$mounts/low" "$mounts/up" "$mounts/wk" "$root"
mount --bind "$1" "$mounts/low"
mount -t overlay -o "lowerdir=$mounts/low,upperdir=$mounts/up,workdir=$mounts/wk" cts "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
[ "$4" = 0 ] || mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
for name in null zero full random urandom tty; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir -p "$root/dev/shm" "$root/dev/pts" "$root/cts" "$root/.old" "$root/run/crm" \
    "$root/run/resource-agents" "$root/run/dbus" "$root/etc/pacemaker"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mount --bind "$2" "$root/cts"       # the only place whose writes stay

ip link set lo up
hostname ctsnode
cd "$root"
rm -f etc/hostname etc/hosts etc/fstab etc/machine-id
echo ctsnode >etc/hostname
echo 127.0.0.1 localhost ctsnode >etc/hosts
echo 0123456789abcdef0123456789abcdef >etc/machine-id
head -c 4096 /dev/urandom >etc/pacemaker/authkey
chmod 640 etc/pacemaker/authkey
chroot . chown root:haclient /etc/pacemaker/authkey
chroot . chown hacluster:haclient /run/crm
if [ "$1" != "$5" ]; then
    for path in usr/share/pacemaker/tests usr/lib/python3/dist-packages/pacemaker; do
        mkdir -p "$path"
        cp -a "$5/$path/." "$path"
    done
    cp -a "$5/usr/lib/pacemaker/cts-support" usr/lib/pacemaker
fi
# Debian 13's file lacks what cts-exec reads at its start.
options=usr/lib/python3/dist-packages/pacemaker/buildoptions.py
grep -q _BUILD_DIR $options || printf '\nBuildOptions._BUILD_DIR = "/nonexistent"\n' >>$options

cd etc/systemd/system
sh "$2/code/support/mask-units" .
cat >cts.target <<'UNIT'
[Unit]
Requires=basic.target cts.service
Wants=dbus.service
After=basic.target
UNIT
cat >cts.service <<UNIT
[Unit]
After=basic.target dbus.service
Wants=dbus.service
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
TimeoutStartSec=infinity
LimitMEMLOCK=infinity
LimitNOFILE=65536
StandardError=inherit
StandardOutput=append:/cts/$3.log
ExecStart=/usr/bin/python3 /cts/code/cts/cts-run _lane /cts/$3.json
UNIT
