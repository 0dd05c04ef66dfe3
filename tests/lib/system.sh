# Helpers of the system tests; sourced by tests/system/*.sh, which tests/system/run starts in a new
# directory with WRIT (the program), PROGRAMS (test programs) and WRIT_HOME set.
# shellcheck shell=bash
set -uo pipefail

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  [ -z "${status:-}" ] || printf -- '-- status %s\n-- out\n%s\n-- err\n%s\n' "$status" "$out" "$err" >&2
  exit 1
}
# skip says what is missing; ctest counts it as skipped.
skip() {
  printf 'skipped: missing: %s\n' "$*" >&2
  exit 77
}

# writ ARGUMENTS: runs the program; sets $status, $out and $err.
writ() {
  "$WRIT" "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" </dev/null
  status=$?
  out=$(tr -d '\0' <"$SCRATCH/out")
  err=$(tr -d '\0' <"$SCRATCH/err")
}
# must ARGUMENTS: the same, and it has to succeed.
must() {
  writ "$@"
  [ "$status" = 0 ] || fail "writ $* should have succeeded"
}
expect_status() { [ "$status" = "$1" ] || fail "expected exit status $1"; }
expect_out() { case $out in *"$1"*) ;; *) fail "expected on standard output: $1" ;; esac; }
expect_err() { case $err in *"$1"*) ;; *) fail "expected on standard error: $1" ;; esac; }
refute_out() { case $out in *"$1"*) fail "not expected on standard output: $1" ;; esac; }
refute_err() { case $err in *"$1"*) fail "not expected on standard error: $1" ;; esac; }
# expect_denied CODE: the run was denied with this reason code, status 126.
expect_denied() {
  expect_status 126
  expect_err "($1)"
}
# expect_ended CODE: the run was ended by Writ.
expect_ended() {
  expect_status 124
  expect_err "writ: ended: $1"
}

# init: keys, trust, ledger, domain.
init() { must init --no-passphrase; }

# issue NAME: reads a request from standard input and issues NAME.permit (not stored).
issue() {
  cat >"$1.toml"
  must permit issue --no-store -o "$1.permit" "$1.toml"
}
# request RULES [FILES] [LIMITS]: a request on standard output.
request() {
  printf 'subject = "agent/test"\naudience = ["default"]\nttl = "1h"\nsets = []\n%s\n' "$1"
  printf '[files]\n%s\n' "${2:-}"
  printf '[limits]\nwall = "1m"\ntasks = 128\n%s\n' "${3:-}"
}
# rule PROGRAM ARGS: one exec rule.
rule() { printf '[[exec]]\nprogram = "%s"\nargs = [%s]\n' "$1" "$2"; }
# under NAME COMMAND...: runs the command under NAME.permit.
under() {
  local permit=$1
  shift
  writ run --permit "$permit.permit" -- "$@"
}
# verified: the ledger and everything recorded in it verify, offline.
verified() { must ledger verify; }
# eventually SECONDS COMMAND...: until the command succeeds.
eventually() {
  local tries=$(($1 * 50))
  shift
  while ! "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.02
  done
}
# living MARKER: how many processes have it in their command line.
living() {
  local count=0 line
  for line in /proc/[0-9]*/cmdline; do
    if tr '\0' ' ' <"$line" 2>/dev/null | grep -qF -- "$1"; then count=$((count + 1)); fi
  done 2>/dev/null
  echo "$count"
}
none_living() { [ "$(living "$1")" = 0 ]; }
# attacks PERMIT PROGRAM ARGS...: every attack of the program, tried in a run; none gets through, and
# every granted act of it works.
attacks() {
  local permit=$1 program=$2
  shift 2
  under "$permit" "$program" all "$@"
  case $out in *"got through: "*) fail "$(printf '%s\n' "$out" | grep 'got through: ')" ;; esac
  case $out in *"does not work: "*) fail "$(printf '%s\n' "$out" | grep 'does not work: ')" ;; esac
  expect_status 0
  expect_out 'got through 0'
}
# works_outside PROGRAM "NAMES" ARGS...: the positive control: ungoverned, these get through.
works_outside() {
  local program=$1 names=$2 name
  shift 2
  for name in $names; do
    out=$("$program" "$name" "$@" 2>&1 </dev/null) && fail "ungoverned, $name should get through: $out"
  done
}
