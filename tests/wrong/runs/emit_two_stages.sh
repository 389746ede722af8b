. "$HERE/net.sh"
"$NNT" emit net.nnt --llvm --after fuse; "$NNT" emit net.nnt --ir --after fusee; exec "$NNT" emit net.nnt --ir --llvm
