. "$HERE/npy.sh"
npy x.npy "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 2), }"; printf 1234 >> x.npy; exec "$NNT" run net.nnt
