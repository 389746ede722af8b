. "$HERE/npy.sh"
npy x.npy "{'descr': '<f8', 'fortran_order': False, 'shape': (), }"; printf 12345678 >> x.npy; exec "$NNT" run net.nnt
