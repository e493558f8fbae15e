#!/bin/bash
# Process 1 of the machine: what a booted Debian would have set up, then /mnt/command. Its output goes out by a serial
# port, its exit code to /mnt/exit; its files in /mnt/files come back.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LEASEFS_VM=1
mount_share() { mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,ro,cache=loose "$1" "$2"; }
# What modprobe finds, the kernel's own included.
mkdir -p /lib/modules /layers /project
mount_share modules /lib/modules
# The project stays where it is, also below /tmp; what is written to it is gone with the machine.
directory=$(cat /mnt/directory)
mount -t tmpfs tmpfs /layers
mkdir /layers/lower /layers/upper /layers/work
mount_share project /layers/lower
mount -t overlay -o lowerdir=/layers/lower,upperdir=/layers/upper,workdir=/layers/work project /project
# The parts that are compiled for this processor, where it is not the host's.
if [ -e /mnt/prebuilt ]; then
  mount --bind "/project/native/prebuilds/linux-$(cat /mnt/prebuilt)" /project/native/build/Release
fi
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p "$directory" && mount --rbind /project "$directory"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /dev/shm /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
ip link set lo up
ulimit -n 65536
for module in virtio_console virtio_rng fuse nd_e820 nd_pmem; do modprobe -q "$module"; done
hostname vm
cd "$directory" || exit
bash /mnt/command </dev/null 2>&1 | cat >/dev/vport*p1
echo "${PIPESTATUS[0]}" >/mnt/exit
sync
echo o >/proc/sysrq-trigger
sleep 60
