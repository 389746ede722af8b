#!/usr/bin/env bash
# run.sh: the text of a stage is the expected one. run.sh --update writes the expectations anew: read the diff.
cd "$(dirname "$0")" || exit 2
status=0 passed=0
stage() { # stage, command...: each NAME.nnt of the stage's folder, its output against NAME.STAGE
    local stage=$1 file said
    shift
    for file in "$stage"/*.nnt; do
        [ -e "$file" ] || continue
        said=$("$NNT" "$@" < "$file" 2>&1)
        if [ "${update:-no}" = yes ]; then printf '%s\n' "$said" > "${file%.nnt}.$stage"
        elif [ "$said" = "$(cat "${file%.nnt}.$stage")" ]; then passed=$((passed + 1))
        else
            echo "$file: not the expected text"
            diff <(printf '%s\n' "$said") "${file%.nnt}.$stage"
            status=1
        fi
    done
}
[ "${1:-}" = --update ] && update=yes
stage ast emit --ast -
stage fmt fmt -
stage math emit --math -
stage model emit --model -
stage ir emit --ir -
echo "$passed as expected"
exit $status
