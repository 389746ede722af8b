. "$HERE/npy.sh"
npy x.npy "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 99999999999, 999999999999), }"; printf 12345678 >> x.npy; exec "$NNT" run net.nnt
