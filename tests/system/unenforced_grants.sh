# A grant field that this version does not enforce denies the admission; nothing runs.
mkdir w
mark=$PWD/w/mark
init
try() { # CODE, then the part of the request on standard input
  { request "$(rule "$PROGRAMS/mark" '"{rest}"')" 'write = ["w"]' "${2:-}"; cat; } >f.toml
  must permit issue --no-store -o f.permit f.toml
  under f "$PROGRAMS/mark" "$mark"
  expect_denied "$1"
  [ ! -e "$mark" ] || fail "the program ran"
}
try mechanism_unavailable <<<'[[connect]]
host = "packages.example.org"
ports = ["4000-5000"]
protocol = "udp"'
try mechanism_unavailable <<<'[[listen]]
host = "127.0.0.1/32"
ports = [8080]
protocol = "udp"'
try mechanism_unavailable <<<'[[approve]]
action = "exec"
need = 1
by = ["alice"]
timeout = "1m"'
try mechanism_unavailable <<<'[delegate]
depth = 1'
try limits_unavailable 'memory = "1GiB"' </dev/null
try limits_unavailable 'bytes = "1GiB"' </dev/null
for feature in ptrace userns io_uring; do
  {
    request "$(rule "$PROGRAMS/mark" '"{rest}"')" 'write = ["w"]' | sed "1i features = [\"$feature\"]"
  } >f.toml
  must permit issue --no-store -o f.permit f.toml
  under f "$PROGRAMS/mark" "$mark"
  expect_denied feature_not_granted
done
issue f < <(request "$(rule "$PROGRAMS/mark" '"{rest}"')" 'write = ["w"]')
under f "$PROGRAMS/mark" "$mark"
expect_status 0
[ -e "$mark" ] || fail "positive control"
verified
