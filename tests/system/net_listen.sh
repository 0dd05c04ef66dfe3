# Servers that the host's programs reach: at a granted address and port, of both families, blocking
# and not, watched, handed to a child. What is not granted is refused, recorded and explained; the
# run's own loopback stays its own. The record is made where the port is taken.
play=$PROGRAMS/serve_play
lib=$(dirname "$PROGRAMS")
[ -x /usr/bin/python3 ] || skip python3
init
read -r port six all other < <(/usr/bin/python3 "$lib/free_ports.py" 4)
issue p < <(request "$(rule "$play" '"{rest}"')
[[listen]]
host = \"127.0.0.1/32\"
ports = [$port]
[[listen]]
host = \"::1/128\"
ports = [$six]
[[listen]]
host = \"0.0.0.0/0\"
ports = [$all]
[[listen]]
host = \"::/0\"
ports = [$all, $other]")
client=
trap '[ -z "$client" ] || kill $client 2>/dev/null' EXIT
# served ACT HOST PORT FROM: the act serves what a client at FROM says.
served() {
  /usr/bin/python3 "$lib/say.py" "$4" "$3" hello bye >said 2>&1 &
  client=$!
  under p "$play" "$1" "$2" "$3"
  expect_status 0
  expect_out "$1: ok"
  wait "$client" || fail "the client of $1: $(cat said)"
  client=
  grep -q 'answered bye' said || fail "the client of $1 heard: $(cat said)"
}
for act in plain watched later; do
  served $act 127.0.0.1 "$port" 127.0.0.1
done
must ledger show --tree --last
expect_out "listen tcp:127.0.0.1:$port"
served plain ::1 "$six" ::1
served plain 0.0.0.0 "$all" 127.0.0.1
# A server of both families is two, and both are in the record.
served plain :: "$all" 127.0.0.1
must ledger show --tree --last
expect_out "listen tcp:[::]:$all"
expect_out "listen tcp:0.0.0.0:$all"
served watched :: "$all" ::1
served v6_only :: "$other" ::1

# What is not granted: IPv4 too, every address, another address. EACCES, recorded, explained.
refused() { # HOST PORT ASKED ALLOW
  under p "$play" refused "$1" "$2"
  expect_out 'refused: ok'
  expect_err "writ: denied: listen $3"
  must explain --last
  expect_out "listen $3"
  expect_out "$4"
}
refused :: "$other" "tcp:0.0.0.0:$other" 'host = "0.0.0.0/0"'
refused 0.0.0.0 "$port" "tcp:0.0.0.0:$port" 'no listen rule of the permit grants all of them'
refused 192.0.2.7 "$port" "tcp:192.0.2.7:$port" 'host = "192.0.2.7/32"'
refused 192.0.2.7 0 'tcp:192.0.2.7:0' 'a listen rule names the ports'
must ledger show --tree --last
expect_out 'refused: listen'
# The run's own: any port of its loopback, every address, no bind at all.
under p "$play" own 127.0.0.1 "$port"
expect_out 'own: ok'
must ledger show --tree --last
case $out in *listen*) fail "a server of the run's own is nothing to record" ;; esac
# A port that somebody has already stays his.
/usr/bin/python3 "$lib/echo.py" "127.0.0.1@$port" >heard 2>&1 &
client=$!
eventually 10 test -s heard || fail "the echo server does not start"
under p "$play" taken 127.0.0.1 "$port"
expect_out 'taken: ok'
kill $client
client=
# Ports that only root may have, a run has not, whoever governs it.
if [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 99 ]; then
  issue low < <(request "$(rule "$play" '"{rest}"')
[[listen]]
host = \"127.0.0.1/32\"
ports = [99]")
  under low "$play" refused 127.0.0.1 99
  expect_out 'refused: ok'
fi
verified
must policy replay

# Policy speaks about servers too.
must domain show default
# A rule that is no place to serve at denies the admission.
mark=$PWD/mark
for part in 'host = "a.example"
ports = [443]' 'host = "127.0.0.1/32"
ports = [53]
protocol = "udp"' 'unix = "/run/x.sock"'; do
  issue q < <(request "$(rule /usr/bin/touch '"{rest}"')
[[listen]]
$part")
  under q /usr/bin/touch "$mark"
  expect_denied mechanism_unavailable
  [ ! -e "$mark" ] || fail "the program ran"
done
verified
