# Init, the governor and bystanders: memory, descriptors, signals, priorities; rights raised.
attack=$PROGRAMS/attack_processes
mkdir -p w
init
issue p < <(request "$(rule "$attack" '"{rest}"')" 'write = ["w"]')
# Bystanders: one of the same account, and this shell, whose process group the run starts in.
sleep 300 >/dev/null 2>&1 &
bystander=$!
works_outside "$attack" 'owner_of_pipes priority_outside limits_outside signals_outside
  dumps_core streams_are_files' "$bystander"
wait "$bystander"
sleep 300 >/dev/null 2>&1 &
bystander=$!
nice=$(ps -o ni= -p $bystander)
# Descriptors that the caller has open, a secret among them.
echo secret >secret
exec 7<secret 8<>secret
attacks p "$attack" "$bystander" "$$" "$PPID"
exec 7<&- 8<&-
kill -0 $bystander || fail "a bystander was killed"
[ "$(ps -o ni= -p $bystander)" = "$nice" ] || fail "a bystander's priority was changed"
case $(ps -o stat= -p $bystander) in T*) fail "a bystander was stopped" ;; esac
kill $bystander
verified
