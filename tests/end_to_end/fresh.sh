#!/usr/bin/env bash
# fresh.sh: both commands of the README on a fresh Debian 12, in a debootstrap folder. Needs root and a Debian mirror.
command -v debootstrap > /dev/null && [ "$(id -u)" = 0 ] || { echo "needs root and debootstrap"; exit 77; }
root=$(mktemp -d)
trap 'umount "$root/dev/pts" "$root/proc" 2>/dev/null; rm -rf "$root" "$root".*' EXIT
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    awk '/^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^[a-z+]*:/) { print $i; exit } } /^URIs:/ { print $2; exit }')
readme() { awk -v tag="<!-- $1 -->" '$0 == tag { found = 1; next } found && /^```/ { if (inside) exit; inside = 1; next } inside' "$NNT_SOURCE/README.md"; }
[ -n "$mirror" ] || { echo "no Debian mirror in the sources of apt"; exit 77; }
debootstrap --variant=minbase bookworm "$root" "$mirror" > "$root.log" 2>&1 || { tail "$root.log"; exit 1; }
cp /etc/resolv.conf "$root/etc/" 2>/dev/null
cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d "$root/etc/apt/" 2>/dev/null
mount --bind /proc "$root/proc"
mount -t devpts devpts "$root/dev/pts" 2> /dev/null
git clone -q "$NNT_SOURCE" "$root/nnt" || exit 1
in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive sh -ec "cd /nnt; $1"; }
in_root "$(readme first)" > "$root.first" 2>&1 || { tail -50 "$root.first"; exit 1; }
tail -5 "$root.first"
in_root "$(readme second)" > "$root.second" 2>&1 || { tail -50 "$root.second"; exit 1; }
tail -5 "$root.second"
