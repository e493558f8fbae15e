#!/bin/bash
# Process 1 of the machine: what a booted Debian would have set up, then /mnt/command. Its output goes out by the second
# serial line, its exit code to /mnt/exit; its files in /mnt/files come back.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LEASEFS_VM=1
# The project stays where it is, also below /tmp.
directory=$(cat /mnt/directory)
mkdir -p /project && mount --bind "$directory" /project
mount -t tmpfs -o mode=1777 tmpfs /tmp
[ -d "$directory" ] || { mkdir -p "$directory" && mount --bind /project "$directory"; }
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /dev/shm /dev/pts /lib/modules
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
# What modprobe finds, the kernel's own included.
mount --bind /mnt/modules /lib/modules
ip link set lo up
ulimit -n 65536
for module in fuse nd_e820 nd_pmem; do modprobe "$module"; done
hostname vm
stty -F /dev/ttyS1 raw -echo
cd "$directory" || exit
bash /mnt/command </dev/null 2>&1 | cat >/dev/ttyS1
echo "${PIPESTATUS[0]}" >/mnt/exit
sync
echo o >/proc/sysrq-trigger
sleep 60
