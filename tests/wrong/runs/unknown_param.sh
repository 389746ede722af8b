. "$HERE/net.sh"
sed -i "1i param width = 3" net.nnt; exec "$NNT" check net.nnt --set wdth=4
