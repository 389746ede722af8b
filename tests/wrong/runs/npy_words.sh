. "$HERE/npy.sh"
npy x.npy "{'descr': '|i1', 'order': False, 'shape': (4, 2), }"; printf 12345678 >> x.npy; exec "$NNT" run net.nnt
