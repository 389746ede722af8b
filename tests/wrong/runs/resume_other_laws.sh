# resume_other_laws.sh: a ledger goes on only where the file still measures as it did.
. "$HERE/net.sh"
sed -i 's/^measure.*/measure 3 times on 4 samples { second_law }/' net.nnt
"$NNT" run --quiet net.nnt --out r
sed 's/on 4 samples/on 3 samples/' net.nnt > other.nnt
exec "$NNT" run --quiet other.nnt --resume r
