# The other types of IDX files.
. "$HERE/net.sh"
for type in '\11' '\13' '\14' '\16' '\17'; do
    { printf '\0\0'; printf "$type"; printf '\3\0\0\0\10\0\0\0\2\0\0\0\2'; printf '%032d' 0; } > images
    "$NNT" run net.nnt --quiet
done
