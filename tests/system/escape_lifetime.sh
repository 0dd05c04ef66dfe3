# Outliving the end: daemons, sessions of their own, ignored signals, stopped processes, processes
# that spin, exec storms; at the first program's end, at the wall limit, when revoked, when the
# governor is killed. What is left is counted outside, by a word in the command line.
attack=$PROGRAMS/attack_lifetime
mkdir -p w
init
issue p < <(request "$(rule "$attack" '"{rest}"')" 'write = ["w"]')
ways='daemon sessions deaf stopped spinning execs forks threads parents'
# Ungoverned, they live on.
for way in daemon sessions deaf stopped; do
  word=alive-$way-$$
  "$attack" $way "$word" leave >/dev/null 2>&1 </dev/null
  [ "$(living "$word")" -gt 0 ] || fail "positive control: $way leaves nobody"
  for link in /proc/[0-9]*/cmdline; do
    if tr '\0' ' ' <"$link" 2>/dev/null | grep -qF -- "$word"; then
      pid=${link#/proc/}
      kill -KILL "${pid%/cmdline}"
    fi
  done 2>/dev/null
done
for way in $ways; do
  word=left-$way-$$
  under p "$attack" $way "$word" leave
  none_living "$word" || fail "$way outlived the first program"
done
for way in $ways; do
  word=killed-$way-$$
  "$WRIT" run --permit p.permit -- "$attack" $way "$word" stay >/dev/null 2>"$SCRATCH/$way" </dev/null &
  governor=$!
  eventually 20 test -e "w/$word" || fail "$way does not start: $(cat "$SCRATCH/$way")"
  kill -KILL $governor
  wait $governor 2>/dev/null
  eventually 5 none_living "$word" || fail "$way outlived its governor"
done
for way in $ways; do
  word=revoked-$way-$$
  "$WRIT" run --permit p.permit -- "$attack" $way "$word" stay >/dev/null 2>"$SCRATCH/$way" </dev/null &
  governor=$!
  eventually 20 test -e "w/$word" || fail "$way does not start: $(cat "$SCRATCH/$way")"
  run=$("$WRIT" ps --json 2>/dev/null | tr -d ' \n' | sed -n 's/.*"run":"\([^"]*\)".*/\1/p')
  must revoke "$run"
  wait $governor
  [ $? = 124 ] || fail "$way: not ended as revoked: $(cat "$SCRATCH/$way")"
  none_living "$word" || fail "$way outlived the revocation"
done
verified
