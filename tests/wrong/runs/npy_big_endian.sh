. "$HERE/npy.sh"
npy x.npy "{'descr': '>i2', 'fortran_order': False, 'shape': (4, 1), }"; printf 12345678 >> x.npy; exec "$NNT" run net.nnt
