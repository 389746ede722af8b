. "$HERE/net.sh"
exec "$NNT" run --resume nowhere
