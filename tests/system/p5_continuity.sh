# P5: at every interval a running run is verified anew; the first check that fails ends it.
probe=$PROGRAMS/probe
intruder=$PROGRAMS/intruder
init
definition=$WRIT_HOME/config/domains/default.toml
policy=$WRIT_HOME/config/policy
sed -i 's/"5s"/"100ms"/' "$definition"
cp "$probe" tool
cp "$probe" other && printf x >>other
mkdir r w
issue p < <(request "$(rule "$probe" '"{rest}"')
$(rule "$PWD/tool" '"{rest}"')
[[exec]]
produced = \"w\"
args = [\"{rest}\"]" 'read = ["r"]
write = ["w"]')

checks() { "$WRIT" ledger show 2>/dev/null | grep -c continuity; }
# checked_again: two more checks have held since now.
more_checks() { [ "$(checks)" -gt $(($1 + 1)) ]; }
checked_again() { eventually 30 more_checks "$(checks)" || fail "no check held"; }
start() { # PROGRAM: a job that waits, in the background, once its checks hold
  marker=continuity-$RANDOM-$$
  : >job.log
  "$WRIT" run --permit p.permit -- "$1" wait 3 "$marker" >job.log 2>job.err </dev/null &
  job=$!
  eventually 20 grep -q ready job.log || fail "the job did not start: $(cat job.err)"
  checked_again
  inside=$(cat /proc/$job/task/*/children)
  inside=${inside// /}
}
ended() { # CODE WORDS
  wait "$job"
  local got=$?
  [ $got = 124 ] || fail "status $got, expected 124: $(cat job.err)"
  grep -q "ended: $1" job.err || fail "expected $1: $(cat job.err)"
  grep -q -- "$2" job.err || fail "expected: $2: $(cat job.err)"
  none_living "$marker" || fail "processes outlive the end"
  must ledger show --json --last
  printf '%s\n' "$out" | grep '"kind":"end"' | grep -q "\"reason\":\"$1\"" || fail "the end's entry says otherwise"
}
finish() { # the job is still well
  checked_again
  kill -INT $job
  wait $job
  eventually 5 none_living "$marker" || fail "processes outlive the end"
}

# Nothing changes: the checks hold, and say which they were.
start "$probe"
must ledger show --json
expect_out '"checks":31'
finish

# A running program is replaced on disk, or loses its name. The same bytes again are no change.
start "$PWD/tool"
cp tool same && mv same tool
finish
cp "$probe" tool
start "$PWD/tool"
cp other next && mv next tool
ended continuity_lost 'has other bytes on disk'
cp "$probe" tool
start "$PWD/tool"
mv tool gone
ended continuity_lost 'is not on disk any more'
mv gone tool

# A running script is changed where it lies. What the run built itself it may build again.
printf 'echo ready\nkill -STOP $$\n' >r/job.sh
issue s < <(request "$(rule /bin/sh '')
script = \"r/job.sh\"" 'read = ["r"]')
marker=$PWD/r/job.sh
"$WRIT" run --permit s.permit -- sh "$marker" >job.log 2>job.err </dev/null &
job=$!
eventually 20 grep -q ready job.log || fail "the script did not start: $(cat job.err)"
checked_again
printf '# more\n' >>r/job.sh
ended continuity_lost 'job.sh runs and has other bytes'
cp "$probe" w/built
start "$PWD/w/built"
cp other w/next && mv w/next w/built
finish

# Somebody of the account enters the run's namespaces.
enter() { # MODE WORDS
  start "$probe"
  : >intruder.log
  "$intruder" "$inside" "$1" >intruder.log 2>&1 &
  local there=$!
  eventually 20 grep -q '^in$' intruder.log || fail "positive control: $1 got in: $(cat intruder.log)"
  ended continuity_lost "$2"
  wait $there
}
enter bare 'is not under the filter'
enter capable 'has capabilities'
[ "$AS" = user ] || enter gaining 'could gain privileges' # an ordinary user's test cannot gain any
enter outside 'is in other namespaces'
enter stranger 'never let through'

# A mount of the run changes; and the cover of one of Writ's places goes with the place.
start "$probe"
"$intruder" "$inside" mount || fail "positive control: a mount is taken away"
ended continuity_lost 'mounts are not those'
if [ "$AS" = user ]; then
  mkdir -p "$HOME/.config/writ" "$HOME/.local/state/writ"
  issue p < <(request "$(rule "$probe" '"{rest}"')" "read = [\"$HOME/.config\"]")
  start "$probe"
  rmdir "$HOME/.config/writ"
  mkdir "$HOME/.config/writ"
  ended continuity_lost 'mounts are not those'
fi
issue p < <(request "$(rule "$probe" '"{rest}"')")

# The authority may do less than before, or is trusted no more.
start "$probe"
cp "$WRIT_HOME/config/trust/you.toml" you.toml
printf 'ceiling = { exec = [] }\n' >"$WRIT_HOME/config/trust/you.toml"
ended continuity_lost ceiling
cp you.toml "$WRIT_HOME/config/trust/you.toml"
start "$probe"
mv "$WRIT_HOME/config/trust/you.pub" you.pub
ended continuity_lost 'authority'
mv you.pub "$WRIT_HOME/config/trust/you.pub"

# Another policy comes into force during the run.
/usr/bin/python3 -c 'import cbor2, cryptography' 2>/dev/null || skip python3-cbor2 python3-cryptography
generation=1
put_policy() { # TEXT: signs the starter policy and TEXT, and puts it into force
  { cat "$policy/default.cedar"; printf '%s\n' "$1"; } >next.cedar
  /usr/bin/python3 "$PROGRAMS/../sign_bundle.py" "$WRIT_HOME/config/keys/authority.pem" $generation next.cedar \
    "$policy/default.cedarschema" next.bundle || fail "signing a bundle"
  mv next.bundle "$policy/default.bundle"
}
start "$probe"
generation=2
put_policy "forbid (principal, action == Action::\"exec\", resource) when { resource.path like \"*/never\" };"
finish
must ledger show
start "$probe"
generation=3
put_policy 'forbid (principal, action == Action::"admit", resource);'
ended policy_changed 'generation 3 of the policy'
under p "$probe" say no
expect_denied policy_denied
generation=4
put_policy ''
start "$probe"
put_policy '// the same generation with other text'
ended continuity_lost 'not newer'
generation=5
put_policy ''
start "$probe"
generation=6
put_policy 'forbid (principal, action, resource) when { context.depht > 1 };'
ended continuity_lost 'depht'
under p "$probe" say no
expect_denied policy_invalid
generation=7
put_policy ''

# The governor stands still: the run does not outlive three heartbeats, and is ended when it wakes.
start "$probe"
kill -STOP $job
only_governor() { [ "$(living "$marker")" = 1 ]; }
eventually 60 only_governor || fail "the run outlives a governor that stands still"
kill -CONT $job
ended continuity_lost ''
verified
