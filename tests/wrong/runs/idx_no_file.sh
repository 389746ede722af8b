# A source of files that names none.
. "$HERE/net.sh"
sed -i 's/idx(.*)/idx()/' net.nnt
"$NNT" run net.nnt --quiet
