. "$HERE/npy.sh"
npy x.npy "{'descr': '<c8', 'fortran_order': False, 'shape': (1, 1), }"; printf 12345678 >> x.npy; exec "$NNT" run net.nnt
