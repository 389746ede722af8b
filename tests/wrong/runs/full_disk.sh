. "$HERE/net.sh"
mkdir small; mount -t tmpfs -o size=4k tmpfs small 2>/dev/null || { echo skipped; exit 77; }; "$NNT" run --quiet net.nnt --out small/run; s=$?; umount small; exit $s
