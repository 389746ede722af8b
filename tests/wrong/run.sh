#!/usr/bin/env bash
# run.sh: wrong input gives the expected message, caret and exit status. run.sh --update writes the expectations anew: read the diff.
#
# files/NAME.nnt is checked; runs/NAME.sh is run in an empty folder with $NNT and $HERE (this folder). Expected in NAME.says: what
# went to stderr (and, for runs, stdout), then the exit status.
update=no
[ "${1:-}" = --update ] && update=yes
HERE=$(cd "$(dirname "$0")" && pwd)
export HERE NNT
status=0 passed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
compare() { # name, text
    if [ $update = yes ]; then printf '%s\n' "$2" > "$HERE/$1.says"; return; fi
    if [ "$2" = "$(cat "$HERE/$1.says" 2>/dev/null)" ]; then passed=$((passed + 1)); return; fi
    echo "$1: the message is not the expected one"
    diff <(printf '%s\n' "$2") "$HERE/$1.says"
    status=1
}
cd "$HERE/files" || exit 2
for file in *.nnt; do
    said=$("$NNT" check --quiet "$file" 2>&1; echo "exit $?")
    compare "files/${file%.nnt}" "$said"
done
for script in "$HERE"/runs/*.sh; do
    name=$(basename "$script" .sh)
    mkdir -p "$scratch/$name" && cd "$scratch/$name" || exit 2
    said=$(bash "$script" 2>&1; echo "exit $?")
    [ "$said" = "$(printf 'skipped\nexit 77')" ] && continue
    compare "runs/$name" "${said//$scratch\/$name/.}"
done
echo "$passed as expected"
exit $status
