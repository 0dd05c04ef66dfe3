# Datagrams to where a run may not send: other hosts and ports by every call that sends, groups,
# everybody, what stands beside the address in a message, races for it, ports and flows of others, and
# floods. Servers outside say what they heard. The test's network is a namespace of its own.
[ -x /usr/bin/python3 ] || skip python3
[ -x /usr/bin/unshare ] || skip unshare
family=udp
attack=$PROGRAMS/attack_udp
controls='other_host other_port other_v6 mapped host_loopback elsewhere_unconnected elsewhere_connected reconnected
  from_the_granted_address many_at_once segmented largest group race_address'
late=0.3
if [ -z "${INSIDE:-}${WRIT_ESCAPE_LIST:-}" ]; then
  cat >enter <<'SH'
ip link set lo up multicast on
for one in 192.0.2.7/32 192.0.2.8/32; do
  ip addr add "$one" dev lo || exit 77
done
ip addr add 2001:db8::8/128 dev lo nodad || exit 77
ip route add 224.0.0.0/4 dev lo || exit 77
INSIDE=1 exec "$@" bash -c '. "$1/system.sh"; . "$1/escape.sh"; . "$1/tests/udp.sh"' _ "$(dirname "$WRIT")"
SH
  export WRIT PROGRAMS SCRATCH
  if [ "$AS" = root ]; then
    exec unshare -nm bash enter
  fi
  # As root of a namespace for the set-up, as the user again in one more for the test itself.
  unshare -rnm true 2>/dev/null || skip "user namespaces"
  exec unshare -rnm bash enter unshare -U --map-user="$(id -u)" --map-group="$(id -g)"
fi
prepare() {
  /usr/bin/python3 "$(dirname "$PROGRAMS")/datagrams.py" 192.0.2.7 192.0.2.8@first 192.0.2.7 239.1.2.3 \
    2001:db8::8@first 127.0.0.1@first >heard 2>&1 &
  server=$!
  trap 'kill $server 2>/dev/null' EXIT
  eventually 10 test -s heard || fail "the servers do not start"
  read -r port _ other group _ <heard
  arguments=(192.0.2.7 "$port" 192.0.2.8 "$other" 239.1.2.3 "$group" 2001:db8::8)
  grant '' '' "[[connect]]
host = \"192.0.2.7/32\"
ports = [$port]
protocol = \"udp\"
[[connect]]
host = \"0.0.0.0/0\"
ports = [$group]
protocol = \"udp\""
}
elsewhere() { grep heard heard | grep -vc "heard 192.0.2.7 $port "; }
fresh() { before=$(elsewhere); }
harmed() { [ "$(elsewhere)" != "$before" ] && grep heard heard | grep -v "heard 192.0.2.7 $port " | tail -n1; }
escape
for place in 192.0.2.8 239.1.2.3 2001:db8::8 127.0.0.1 "192.0.2.7 $other"; do
  grep -qF "heard $place" heard || fail "positive control: $place is heard"
done
# What is refused is recorded.
for name in other_host everybody; do
  under p "$attack" $name "${arguments[@]}"
  case $name in
    other_host) asked="192.0.2.8:$port" ;;
    everybody) asked="255.255.255.255:$group" ;;
  esac
  must ledger show --tree --last
  expect_out "connect udp:$asked   (not_granted)"
done
verified
