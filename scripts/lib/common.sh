# Shared by the scripts of this folder: numbered steps with their time, logs under build/logs, clear failures.
# shellcheck shell=bash
# Sourced after `set -euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
logs=$root/build/logs
export root logs

say() { printf '%s\n' "$*"; }

# die WHAT WHAT_TO_DO...: two or more lines on standard error, exit 1.
die() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    shift
    printf '  %s\n' "$@" >&2
    exit 1
}

# Seconds since START (a value of $EPOCHREALTIME) with one decimal.
seconds_since() {
    local start=${1/[.,]/} now=${EPOCHREALTIME/[.,]/}
    local tenths=$(((now - start) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# step NAME ADVICE COMMAND...: runs the command with its output in build/logs/NAME.log; prints what and how long; on failure the end of
# the log and the advice.
step() {
    local name=$1 advice=$2 start=$EPOCHREALTIME status=0
    shift 2
    local log=$logs/${name//[^A-Za-z0-9]/-}.log
    mkdir -p "$logs"
    printf '%-44s ' "$name"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -eq 0 ]; then
        printf 'done   %6s s\n' "$(seconds_since "$start")"
        return 0
    fi
    printf 'FAILED %6s s\n' "$(seconds_since "$start")"
    {
        printf '\nThe end of %s:\n\n' "${log#"$root"/}"
        tail -n 30 "$log" | sed 's/^/    /'
        printf '\n%s: step "%s" failed with exit code %d.\n  %s\n' "$(basename "$0")" "$name" "$status" "$advice"
    } >&2
    exit 1
}

# Prints a step that needed nothing.
skipped() { printf '%-44s %s\n' "$1" "${2:-already there}"; }

# virtual_environment FOLDER REQUIREMENTS...: a virtual environment of the system's Python with these packages; made anew when one of
# the files has changed since.
virtual_environment() {
    local folder=$1 requirements=() file stamp
    shift
    stamp=$({ /usr/bin/python3 --version && cat "$@"; } | sha256sum | cut -d' ' -f1)
    for file in "$@"; do
        requirements+=(-r "$file")
    done
    if [ "$(cat "$folder/.made-from" 2>/dev/null)" = "$stamp" ]; then
        skipped "Python packages in ${folder#"$root"/}"
        return 0
    fi
    make_virtual_environment() {
        /usr/bin/python3 -m venv --clear "$folder" &&
            "$folder/bin/python" -m pip install --disable-pip-version-check --no-input --quiet "${requirements[@]}" &&
            printf '%s\n' "$stamp" >"$folder/.made-from"
    }
    step "Python packages in ${folder#"$root"/}" "pip could not install them: is the package index reachable?" make_virtual_environment
}
