# Init, the governor and bystanders: memory, descriptors, signals, priorities; rights raised.
family=processes
attack=$PROGRAMS/attack_processes
controls='owner_of_pipes priority_outside limits_outside signals_outside dumps_core streams_are_files'
# A bystander of the same account, started anew for each trial, and this shell's own process group, which
# the run starts in.
fresh() {
  [ -z "${bystander:-}" ] || { kill $bystander && wait $bystander; } 2>/dev/null
  sleep 300 >/dev/null 2>&1 &
  bystander=$!
  nice=$(ps -o ni= -p $bystander)
  arguments=("$bystander")
  [ "${1:-}" != writ ] || arguments+=("$$" "$PPID")
}
prepare() {
  mkdir -p w
  grant '' w
  # Descriptors that the caller has open, a secret among them.
  echo secret >secret
  exec 7<secret 8<>secret
}
harmed() {
  kill -0 $bystander 2>/dev/null || { echo 'a bystander was killed' && return 0; }
  [ "$(ps -o ni= -p $bystander)" = "$nice" ] || { echo "a bystander's priority was changed" && return 0; }
  case $(ps -o stat= -p $bystander) in T* | Z* | '') echo 'a bystander was stopped' ;; *) return 1 ;; esac
}
escape
exec 7<&- 8<&-
kill $bystander
