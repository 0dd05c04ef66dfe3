# Probing is honest: where the kernel lacks what a promise needs, admission is denied, nothing runs,
# and `writ doctor` names the mechanism and what would help. Never silently weaker.
probe=$PROGRAMS/probe
init
issue p < <(request "$(rule "$PROGRAMS/mark" '"{rest}"')
$(rule "$probe" '"{rest}"')" 'write = ["."]')
issue net < <(request "$(rule "$probe" '"{rest}"')
[[connect]]
host = \"198.51.100.0/24\"
ports = [443]")
# without MECHANISM ARGUMENTS...: writ, where that is taken away.
without() {
  local mechanism=$1
  shift
  "$PROGRAMS/taken_away" "$mechanism" "$WRIT" "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" </dev/null
  status=$?
  out=$(cat "$SCRATCH/out")
  err=$(cat "$SCRATCH/err")
}
# lacks MECHANISM NAME REMEDY: a needed mechanism is away.
lacks() {
  without "$1" run --permit p.permit -- "$PROGRAMS/mark" "$PWD/ran"
  expect_denied mechanism_unavailable
  expect_err "$2"
  expect_err 'record'
  [ ! -e ran ] || fail "$1: it ran all the same"
  without "$1" can --permit p.permit run "$PROGRAMS/mark" "$PWD/ran"
  expect_status 1
  without "$1" doctor
  [ "$status" = 1 ] || fail "doctor is content without $1"
  expect_out "$2"
  expect_out "$3"
}
lacks landlock_absent landlock CONFIG_SECURITY_LANDLOCK
lacks landlock_disabled landlock lsm=landlock
lacks namespaces_forbidden 'user namespaces' apparmor_restrict_unprivileged_userns
lacks namespaces_full 'user namespaces' max_user_namespaces
lacks namespaces_powerless 'own /proc' 'refused'
lacks notification_old 'exec notification' '5.19'
lacks notification_taken 'exec notification' 'no other seccomp listener'
lacks ptrace 'exec stop' ptrace_scope
lacks pidfd pidfd '5.3'

# What only some grants need denies only these.
without late_socket run --permit p.permit -- "$PROGRAMS/mark" "$PWD/ran"
expect_status 0
[ -e ran ] || fail "it did not run"
without late_socket run --permit net.permit -- "$probe" exit 0
expect_denied mechanism_unavailable
expect_err 'late socket'
without late_socket doctor
expect_out 'pidfd_getfd'

# Processes hidden from others are not hidden from who may trace them.
if [ "$AS" = root ]; then
  unshare -m bash -c 'mount -t proc -o hidepid=invisible proc /proc && exec "$@"' _ \
    "$WRIT" run --permit p.permit -- "$probe" exit 7 2>err
  status=$?
  [ "$status" = 7 ] || fail "with hidepid: status $status: $(cat err)"
fi
# The whole again, with nothing taken away.
under p "$probe" exit 5
expect_status 5
verified
