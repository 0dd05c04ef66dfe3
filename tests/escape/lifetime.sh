# Outliving the end: daemons, sessions of their own, ignored signals, stopped processes, processes
# that spin, exec and fork storms; at the first program's end, at the wall limit, at the permit's
# expiry, when revoked, when the governor is killed. What is left is counted outside, by a word in
# the command line.
family=lifetime
attack=$PROGRAMS/attack_lifetime
ways='daemon sessions deaf stopped spinning execs forks threads parents'
# Those that leave the machine to others: two sets of them wait for their time together.
quiet='daemon sessions deaf stopped parents'
controls=$(for way in ${ways/forks/}; do echo "left_$way killed_$way revoked_$way"; done)
controls+=" $(for way in $quiet; do echo "wall_$way expired_$way"; done)"
counted "$controls"
mkdir -p w
init
grant '' w
request "$(rule "$attack" '"{rest}"')" 'write = ["w"]' >p.toml

# Looked for by thread: of a leader that is gone while its threads are not, no command line is seen.
some_living() { grep -qsaF -f - /proc/[0-9]*/task/[0-9]*/cmdline <<<"$1"; }
none_living() { ! some_living "$1"; }
# Ungoverned they live on when the first program is over and would for ever, in a pid namespace of their own
# so that the end of this test is theirs. Not the
# storm of forks, which would fill the machine with dead processes: it has no control, and does not count.
for way in ${ways/forks/}; do
  word=alive-$way-$$
  word=$word unshare -r -p -f --kill-child sh -c '"$1" "$2" "$word" leave; exec sleep 60' _ "$attack" "$way" \
    >/dev/null 2>&1 </dev/null &
  holder=$!
  eventually 20 test -e "w/$word" || fail "$way does not start"
  eventually 20 pgrep -f -P $holder '^sleep 60' >/dev/null || fail "the first program of $way is not over"
  eventually 20 some_living "$word" || fail "positive control: $way leaves nobody"
  kill -KILL $holder
  wait $holder 2>/dev/null
  eventually 10 none_living "$word" || fail "the control is not over"
  for name in $controls; do
    [ "${name#*_}" != "$way" ] || noted "$name" ungoverned through
    [ "${name#*_}" != "$way" ] || noted "$name" oracle outside
  done
done

# gone NAME WORD SECONDS: nothing is left of it.
gone() {
  eventually "$3" none_living "$2" || fail "$1: outlived"
  noted "$1" writ refused
}
# start PERMIT WAY WORD: in the background, and ready.
start() {
  "$WRIT" run --permit "$1.permit" -- "$attack" "$2" "$3" stay >/dev/null 2>"$SCRATCH/$3" </dev/null &
  governor=$!
  eventually 30 test -e "w/$3" || fail "$2 does not start: $(cat "$SCRATCH/$3")"
}
for way in $ways; do
  word=left-$way-$$
  under p "$attack" $way "$word" leave
  none_living "$word" || fail "$way outlived the first program"
  noted "left_$way" writ refused
  word=killed-$way-$$
  start p $way "$word"
  kill -KILL $governor
  wait $governor 2>/dev/null
  gone "killed_$way" "$word" 5
  word=revoked-$way-$$
  start p $way "$word"
  run=$("$WRIT" ps --json 2>/dev/null | tr -d ' \n' | sed -n 's/.*"run":"\([^"]*\)".*/\1/p')
  must revoke "$run"
  wait $governor
  [ $? = 124 ] || fail "$way: not ended as revoked: $(cat "$SCRATCH/$word")"
  none_living "$word" || fail "$way outlived the revocation"
  noted "revoked_$way" writ refused
done
sed 's/wall = "1m"/wall = "10s"/' p.toml >wall.toml
sed 's/"1h"/"12s"/' p.toml >expired.toml
for end in wall expired; do must permit issue --no-store -o $end.permit $end.toml; done
governors=()
for way in $quiet; do
  for end in expired wall; do
    start $end "$way" "$end-$way-$$"
    governors+=("$end-$way $governor")
  done
done
for one in "${governors[@]}"; do
  read -r name governor <<<"$one"
  wait "$governor"
  [ $? = 124 ] || fail "$name: not ended: $(cat "$SCRATCH/$name-$$")"
  grep -q 'ended: limit_wall\|ended: expired' "$SCRATCH/$name-$$" || fail "$(cat "$SCRATCH/$name-$$")"
  none_living "$name-$$" || fail "$name: outlived"
  noted "${name/-/_}" writ refused
done

# The peers know no revocation and no expiry: what is left when the first program is over, and when
# the one at the top is killed.
for peer in ${WRIT_ESCAPE_PEERS:-}; do
  for way in $ways; do
    for end in left killed; do
      word=$peer-$end-$way-$$ how=stay
      [ $end = killed ] || how=leave
      # Without the limit of time in between: the one to be killed is the peer's own.
      timeout() { shift 3 && exec "$@"; }
      ("in_$peer" "$attack" $way "$word" $how >/dev/null 2>&1 </dev/null) &
      top=$!
      eventually 30 test -e "w/$word" || { noted "${end}_$way" "$peer" none && kill -KILL $top && continue; }
      [ $end = left ] || kill -KILL $top
      wait $top 2>/dev/null
      outcome=refused
      eventually 3 none_living "$word" || outcome=through
      noted "${end}_$way" "$peer" $outcome
      for link in /proc/[0-9]*/cmdline; do
        if tr '\0' ' ' <"$link" 2>/dev/null | grep -qF -- "$word"; then
          pid=${link#/proc/}
          kill -KILL "${pid%/cmdline}"
        fi
      done 2>/dev/null
    done
  done
done
unset -f timeout
verified
