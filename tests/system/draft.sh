# From a run and its refusals to the next permit: the draft grants what the run had, and with the
# additions uncommented what it asked for in vain.
probe=$PROGRAMS/probe mark=$PROGRAMS/mark
init
mkdir -p out
cat >p.toml <<EOF
subject = "agent/test"
audience = ["default"]
ttl = "2h"
sets = ["base", "c-build"]
uses = 9
$(rule "$probe" '"{rest}"')
[[exec]]
program = "$mark"
args = ["only-this"]
[[connect]]
host = "198.51.100.0/24"
ports = [443, "8000-8010"]
[files]
read = ["/usr/share/zoneinfo"]
write = ["out"]
[limits]
wall = "1m"
tasks = 64
[when]
policy = '''
forbid (principal, action == Action::"exec", resource) when { context.arguments.contains("never") };
'''
EOF
must permit issue --no-store p.toml
under p "$probe" exec "$mark" "it's \"quoted\" {x}"
under p "$probe" exec "$PROGRAMS/boundary_play" a b
for _ in 1 2; do under p "$probe" exec "$mark" other; done
run() { "$WRIT" ledger show --json | grep -o '"run":"[^"]*"' | sed 's/.*:"//; s/"//' | sort -u | sed -n "${1}p"; }
first=$(run 1)
[ -n "$first" ] || fail "no run"

# The last run's draft: the same grant again, and one addition.
must draft --last -o q.toml
expect_out 'wrote q.toml'
grep -q '^sets = \["base", "c-build"\]' q.toml || fail "the set is not named: $(cat q.toml)"
[ "$(grep -c '^\[\[exec\]\]' q.toml)" = 2 ] || fail "what the set gives stands there too: $(cat q.toml)"
grep -q '^load' q.toml && fail "libraries that issuing finds stand there: $(cat q.toml)"
grep -q '^## refused 1 time: exec .*/mark other   (args_mismatch)' q.toml || fail "the reason is not there: $(cat q.toml)"
must permit issue --no-store -o q.permit q.toml
grant() { "$WRIT" permit show "$1" | grep -v -e '^permit' -e '[0-9a-f]\{16\}' -e 'issued' -e 'until' -e 'expires' | sort; }
[ "$(grant p.permit)" = "$(grant q.permit)" ] || fail "another grant: $(diff <(grant p.permit) <(grant q.permit))"
under q "$probe" exec "$mark" other
[ "$status" != 0 ] || fail "a comment grants something"
sed 's/^# //' q.toml >r.toml
must permit issue --no-store -o r.permit r.toml
under r "$probe" exec "$mark" other
expect_status 0
under r "$probe" exec "$mark" another
[ "$status" != 0 ] || fail "more than the addition says"

# Of a run named by its id; hostile arguments stay arguments, and their rule fits them exactly.
must draft --from "$first"
printf '%s\n' "$out" | sed 's/^# //' >h.toml
must permit issue --no-store -o h.permit h.toml
under h "$probe" exec "$mark" "it's \"quoted\" {x}"
expect_status 0
under p "$probe" exec "$mark" $'line\n[[exec]]\nprogram = "/bin/sh"'
must draft --last
case $out in *$'\n[[exec]]\nprogram = "/bin/sh"'*) fail "a stranger's line became a rule" ;; esac
printf '%s\n' "$out" >s.toml
must permit issue --no-store -o s.permit s.toml

# Many refusals of one kind are one addition; erased text is said to be.
under p "$probe" refusals 5 "$PROGRAMS/boundary_play"
must draft --last
expect_out '## refused 5 times: exec'
last=$(printf '%s' "$out" | sed -n 's/^## Drafted from run \([^:]*\):.*/\1/p')
must ledger erase "$last"
must draft --from "$last"
expect_out 'its text was erased'
must draft --json --last
expect_out '"additions":'
# A run that asked for nothing more; no run at all; wrong use.
under p "$probe" exit 0
must draft --last
expect_out 'nothing was refused'
writ draft
expect_status 2
writ draft --from 00000000000000000000000000
[ "$status" != 0 ] || fail "a draft of no run"
writ draft --from "$first" --last
expect_status 2
verified
