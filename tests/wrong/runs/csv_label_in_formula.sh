. "$HERE/csv.sh"
sed -i "s/y = \"kind\"/y = 2 * \"kind\"/" net.nnt; exec "$NNT" run net.nnt
