# What is forecast is what happens, and forecasting leaves no trace: no record, no use taken.
probe=$PROGRAMS/probe mark=$PROGRAMS/mark
init
mkdir -p data out
echo text >data/file
# can STATUS QUESTION...: asks under $permit.
can() {
  local expected=$1
  shift
  writ can --permit "$permit.permit" "$@"
  expect_status "$expected"
}
writ can exec "$probe" exit 0
expect_status 1
expect_out 'no_permit'
permit=p
issue p < <(request "$(rule "$probe" '"exit", "{int:0..3}"')
$(rule "$mark" '"{under:out}"')
[[connect]]
host = \"198.51.100.0/24\"
ports = [443]
[[connect]]
host = \"names.invalid\"
ports = [8443]
[[listen]]
host = \"127.0.0.1/32\"
ports = [18080]" "read = [\"data\"]
write = [\"out\"]")
entries() { "$WRIT" ledger show --json | wc -l; }
before=$(entries)

can 0 exec "$probe" exit 0
expect_out "yes: exec $probe exit 0"
expect_out 'permit'
can 1 exec "$probe" exit 4
expect_out 'args_mismatch'
expect_out 'to allow'
can 1 exec "$PROGRAMS/attack_exec" all
expect_out 'not_granted'
expect_out "program = \"$PROGRAMS/attack_exec\""
can 1 exec no-such-program
can 0 exec "$mark" out/x
can 1 exec "$mark" data/x
can 0 run "$probe" exit 3
can 0 run -- "$probe" exit 3
can 1 run "$probe" exit 9
can 0 connect 198.51.100.7:443
can 0 connect tcp:198.51.100.7:443
can 1 connect 198.51.100.7:444
can 1 connect udp:198.51.100.7:443
can 1 connect '[2001:db8::1]:443'
can 0 connect names.invalid:8443
expect_out 'as if it led to a public one'
can 1 connect other.invalid:8443
can 1 connect unix:/run/nothing
can 0 listen 127.0.0.1:18080
can 1 listen 0.0.0.0:18080
can 1 listen 127.0.0.1:18081
can 0 read data/file
can 0 read data/not/there
can 1 read /etc/shadow
expect_out 'read = ["/etc/shadow"]'
can 0 write out/new
can 1 write data/file
can 1 write "$probe"
can 0 write /tmp/anything
can 1 read "$WRIT_HOME/config"
expect_out 'reserved_path'
# A path through a symlink is where it leads.
ln -s /etc leads
can 1 read leads/passwd
expect_out '/etc/passwd'
ln -s data also
can 0 read also/file

# As JSON; quiet; and what is no question.
writ can --json --permit p.permit exec "$mark" elsewhere
expect_status 1
expect_out '"can":false'
expect_out '"code":"args_mismatch"'
writ can --json --permit p.permit read data/file
expect_status 0
expect_out '"can":true'
writ can -q --permit p.permit exec "$probe" exit 4
expect_status 1
[ -z "$out$err" ] || fail "not quiet"
for wrong in "" "fly there" "exec" "connect 198.51.100.7" "connect :443" "connect 198.51.100.7:70000" \
  "connect 198.51.100.7:0" "listen a.example:80" "listen unix:/x" "read a b" "connect *.example:1"; do
  # shellcheck disable=SC2086
  writ can $wrong
  expect_status 2
done
writ can --permit nothing.permit exec "$probe" exit 0
expect_status 1
head -c 100 p.permit >cut.permit
writ can --permit cut.permit exec "$probe" exit 0
expect_status 1
expect_out 'use the permit cut.permit'
[ "$(entries)" = "$before" ] || fail "asking was recorded"

# The forecast of a run and the run itself.
for words in 'exit 0' 'exit 3' 'exit 4' 'exec x' 'exit' 'exit 1 2'; do
  # shellcheck disable=SC2086
  writ can --permit p.permit run "$probe" $words
  forecast=$status
  # shellcheck disable=SC2086
  under p "$probe" $words
  became=0
  [ "$status" != 126 ] || became=1
  [ "$forecast" = "$became" ] || fail "forecast $forecast, became $status: $words"
done

# A use is not taken by asking; taken, it is known.
issue once < <(printf 'uses = 1\n' && request "$(rule "$probe" '"{rest}"')")
permit=once
can 0 run "$probe" exit 0
can 0 run "$probe" exit 0
under once "$probe" exit 0
expect_status 0
can 1 run "$probe" exit 0
expect_out 'uses_exhausted'
can 1 exec "$probe" exit 0
expect_out 'uses_exhausted'

# Policy is asked too: the permit's own, and what the domain says.
issue when < <(request "$(rule "$probe" '"{rest}"')" '' "
[when]
policy = '''
forbid (principal, action == Action::\"exec\", resource) when { context.arguments.contains(\"secret\") };
'''")
permit=when
can 0 exec "$probe" exit 0
can 1 exec "$probe" exit secret
expect_out 'policy'

# Stored permits: whichever allows it; none: what came nearest.
must permit issue p.toml
must permit issue once.toml
writ can exec "$mark" out/x
expect_status 0
writ can exec "$mark" data/x
expect_status 1
expect_out 'args_mismatch'
expect_out 'none of the 2 stored permits'

# What has changed since the permit was issued.
cp "$probe" tool
permit=tool
issue tool < <(request "$(rule "$PWD/tool" '"{rest}"')")
can 0 exec "$PWD/tool" exit 0
cp "$mark" tool
can 1 exec "$PWD/tool" exit 0
expect_out 'digest_mismatch'
must revoke p.permit
permit=p
can 1 exec "$probe" exit 0
expect_out 'revoked'
verified
