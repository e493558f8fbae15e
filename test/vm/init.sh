#!/bin/busybox sh
# The initramfs' init: the root over 9p, never written to, with a tmpfs over it that takes what is. The folder
# of this run comes as a second share at /mnt, writable; /mnt/inside.sh does the rest.
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
while read -r module; do insmod "/modules/$module" || echo "init: $module"; done </modules/list
options=trans=virtio,version=9p2000.L,msize=512000
mkdir -p /lower /upper /root
mount -t 9p -o $options,ro,cache=loose root /lower &&
  mount -t tmpfs tmpfs /upper &&
  mkdir /upper/data /upper/work &&
  mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work root /root &&
  mount -t 9p -o $options run /root/mnt &&
  mount --move /dev /root/dev &&
  mount --move /sys /root/sys &&
  mount --move /proc /root/proc &&
  exec switch_root /root /bin/bash /mnt/inside.sh
echo "init: no root"
poweroff -f
