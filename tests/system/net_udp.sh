# UDP to granted endpoints by the relay: connected and unconnected clients, all ways to send, several
# flows at a time, by address and by name, v4 and v6. Answers come from where the question went, and
# from nowhere else. Each flow is recorded before its first datagram leaves. The test's network is a
# namespace of its own, its names a hosts file: nothing leaves this machine.
play=$PROGRAMS/datagram_play
lib=$(dirname "$PROGRAMS")
[ -x /usr/bin/python3 ] || skip python3
[ -x /usr/bin/unshare ] || skip unshare
if [ -z "${INSIDE:-}" ]; then
  cat >hosts <<'HOSTS'
127.0.0.1 localhost
93.184.216.34 time.example
2606:2800:220:1::1 six.example
10.9.8.7 private.example
HOSTS
  cat >enter <<'SH'
ip link set lo up
for one in 93.184.216.34/32 93.184.216.35/32 10.9.8.7/32 192.0.2.7/32; do
  ip addr add "$one" dev lo || exit 77
done
for one in 2606:2800:220:1::1/128 2001:db8::7/128; do
  ip addr add "$one" dev lo nodad || exit 77
done
mount --bind hosts /etc/hosts || exit 77
INSIDE=1 exec "$@" bash -c '. "$1/system.sh"; . "$1/tests/net_udp.sh"' _ "$(dirname "$WRIT")"
SH
  export WRIT PROGRAMS SCRATCH
  if [ "$AS" = root ]; then
    exec unshare -nm bash enter
  fi
  # As root of a namespace for the set-up, as the user again in one more for the test itself.
  unshare -rnm true 2>/dev/null || skip "user namespaces"
  exec unshare -rnm bash enter unshare -U --map-user="$(id -u)" --map-group="$(id -g)"
fi
init
/usr/bin/python3 "$lib/datagrams.py" 0.0.0.0 :: 0.0.0.0 0.0.0.0/astray 0.0.0.0/ntp 0.0.0.0 >heard 2>&1 &
server=$!
job=
trap 'kill $server $job 2>/dev/null' EXIT
eventually 10 test -s heard || fail "the servers do not start"
read -r port six second astray ntp other <heard
heard() { grep -c "heard.* $1 " heard; }
grant() { # HOST PORTS
  printf '[[connect]]\nhost = "%s"\nports = [%s]\nprotocol = "udp"\n' "$1" "$2"
}
issue p < <(request "$(rule "$play" '"{rest}"')
$(grant 192.0.2.0/24 "$port, $second, $astray, $ntp")
$(grant 2001:db8::/32 "$six")
$(grant 127.0.0.1/32 "$port")")
expect_flows() { # COUNT: so many did the last run record
  must ledger show --tree --last
  [ "$(printf '%s\n' "$out" | grep -c 'connect udp:')" = "$1" ] || fail "expected $1 flows"
}

# Ungoverned and governed, the same answers.
for act in connected unconnected messages order; do
  "$play" $act 192.0.2.7 "$port" >/dev/null || fail "ungoverned: $act"
  under p "$play" $act 192.0.2.7 "$port"
  expect_status 0
  expect_out "$act: ok"
  expect_flows 1
  expect_out "connect udp:192.0.2.7:$port"
  under p "$play" $act 2001:db8::7 "$six"
  expect_status 0
  expect_out "$act: ok"
  expect_flows 1
  expect_out "connect udp:[2001:db8::7]:$six"
done
under p "$play" ntp 192.0.2.7 "$ntp"
expect_out 'ntp: ok'
under p "$play" flows 192.0.2.7 "$port" 50
expect_out 'flows: ok'
expect_flows 50
under p "$play" both 192.0.2.7 "$port" "$second"
expect_out 'both: ok'
expect_flows 2
# A loopback address that is granted is the host's.
under p "$play" connected 127.0.0.1 "$port"
expect_out 'connected: ok'

# Who answers from another port is not heard.
"$play" silent 192.0.2.7 "$astray" >/dev/null && fail "positive control: the stray answer is heard"
before=$(heard "$astray")
under p "$play" silent 192.0.2.7 "$astray"
expect_out 'silent: ok'
[ "$(heard "$astray")" -gt "$before" ] || fail "the server that answers astray was not asked"

# An address that is not granted is refused: recorded once, explained, and nothing leaves. A port that
# is not granted has nobody in the run's network, and is no record.
before=$(grep -c heard heard)
under p "$play" silent 93.184.216.35 "$port"
expect_out 'silent: ok'
expect_err "writ: denied: connect udp:93.184.216.35:$port"
expect_err 'protocol = "udp"'
expect_err 'by a datagram, of which the process is not known'
must ledger show --tree --last
[ "$(printf '%s\n' "$out" | grep -c 'refused: connect')" = 1 ] || fail "one refusal is recorded: $out"
must explain --last
expect_out "connect udp:93.184.216.35:$port"
# The run's evidence, refusal included, verifies alone.
must proof export --last -o refused.proof
trust=$(echo "$WRIT_HOME"/config/trust/*.pub)
must proof verify refused.proof --trust "$trust" --log "$(cat "$WRIT_HOME/state/ledger/vkey")"
expect_out 'all equal'
under p "$play" silent 192.0.2.7 "$other"
expect_out 'silent: ok'
refute_err 'writ: denied'
under p "$play" silent 127.0.0.1 "$second"
expect_out 'silent: ok'
[ "$(grep -c heard heard)" = "$before" ] || fail "what is not granted was reached: $(tail -3 heard)"

# By name: the record names it, and no name opens the inside of a network.
issue n < <(request "$(rule "$play" '"{rest}"')
$(grant time.example "$port")
$(grant six.example "$six")
$(grant private.example "$port")")
under n "$play" connected time.example "$port"
expect_status 0
expect_out 'connected: ok'
must ledger show --tree --last
expect_out "connect udp:time.example:$port"
must proof export --last -o named.proof
must proof verify named.proof --trust "$trust" --log "$(cat "$WRIT_HOME/state/ledger/vkey")"
expect_out 'all equal'
under n "$play" unconnected six.example "$six"
expect_out 'unconnected: ok'
before=$(grep -c heard heard)
under n "$play" silent private.example "$port"
expect_out 'silent: ok'
expect_err 'private.example leads to 10.9.8.7'
under n "$play" silent 93.184.216.34 "$port"
expect_out 'silent: ok'
expect_err "writ: denied: connect udp:93.184.216.34:$port"
[ "$(grep -c heard heard)" = "$before" ] || fail "what no name opens was reached: $(tail -3 heard)"

# UDP port 53 is granted like any other: names go to the run's resolver all the same, and a server
# that is not granted is not asked.
issue d < <(request "$(rule "$play" '"{rest}"')
$(grant time.example "53, $port")
$(grant 192.0.2.7/32 53)")
under d "$play" connected time.example "$port"
expect_out 'connected: ok'
under d "$play" silent 93.184.216.35 53
expect_err 'writ: denied: connect udp:93.184.216.35:53'

# Revocation ends it: nothing is heard any more.
: >ticks
"$WRIT" run --permit p.permit -- "$play" ticks 192.0.2.7 "$second" >ticks 2>ticks.err </dev/null &
job=$!
eventually 20 grep -q ticking ticks || fail "no tick: $(cat ticks ticks.err)"
must revoke --reason test p.permit
wait $job
[ $? = 124 ] || fail "exit status of a revoked run"
job=
before=$(heard "$second")
sleep 0.3
[ "$(heard "$second")" = "$before" ] || fail "datagrams leave a run that has ended"

# The budget of gate events counts flows.
issue b < <(request "$(rule "$play" '"{rest}"')
$(grant 192.0.2.0/24 "$port")" '' 'events = 20')
under b "$play" flows 192.0.2.7 "$port" 50
expect_ended limit_events

# More ports than the relay holds are denied.
mark=$PWD/mark
issue w < <(request "$(rule /usr/bin/touch '"{rest}"')
$(grant 192.0.2.0/24 '"10000-20000"')")
under w /usr/bin/touch "$mark"
expect_denied mechanism_unavailable
expect_err 'name 64 UDP ports at most'
[ ! -e "$mark" ] || fail "the program ran"

# Policy speaks about datagrams too.
issue l < <(request "$(rule "$play" '"{rest}"')
$(grant 169.254.0.0/16 80)")
under l "$play" silent 169.254.169.254 80
expect_err '(policy_denied)'
verified
must policy replay
