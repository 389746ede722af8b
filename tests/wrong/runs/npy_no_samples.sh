. "$HERE/npy.sh"
npy x.npy "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 2), }"; exec "$NNT" run net.nnt
