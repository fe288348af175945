#!/ka/bin/sh
# First program of a network-booted node, run by busybox init: makes the places
# the kernel shows itself at. Everything else is the agent's.
PATH=/ka/bin
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o mode=755,nosuid devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
# Only on machines started by UEFI.
if [ -d /sys/firmware/efi ]; then
  mount -t efivarfs efivarfs /sys/firmware/efi/efivars || echo "ka: no access to UEFI variables"
fi
# The screen is for what the node is doing; the kernel's messages are in dmesg.
dmesg -n 3
hostname kamethod
