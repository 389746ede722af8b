. "$HERE/csv.sh"
sed -i "4s/.*/\"3\" ; 1 ;\"cat\"/; s/$/\r/; 1s/^/\xef\xbb\xbf/" table.csv; gzip -n table.csv; mv table.csv.gz table.csv; exec "$NNT" run net.nnt --quiet
