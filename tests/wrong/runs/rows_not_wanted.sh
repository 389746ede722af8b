cat > net.nnt <<'N'
network net {
    neurons x[7], y
    input  x
    output y
    weights x -> y
    activation y = logistic(z)
    loss boundary = binary_cross_entropy(y, target)
}
data { train parity(count: 10, length: 7) }
N
exec "$NNT" run net.nnt
