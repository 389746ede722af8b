"$NNT" help weigths; exec "$NNT" help tahn
