. "$HERE/net.sh"
exec "$NNT" rum net.nnt
