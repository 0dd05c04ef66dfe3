# Limits: tasks (also for root's runs), execs, gate events, processor time.
probe=$PROGRAMS/probe
init
limited() { # LIMITS COMMAND...
  printf 'subject = "agent/test"\naudience = ["default"]\nttl = "1h"\n%s\n[limits]\nwall = "30s"\n%s\n' \
    "$(rule "$probe" '"{rest}"')" "$1" >l.toml
  shift
  must permit issue --no-store -o l.permit l.toml
  under l "$@"
}
limited 'tasks = 20' "$probe" forks 60
expect_status 0
children=$(printf '%s' "$out" | tr -dc 0-9)
[ "$children" -ge 10 ] && [ "$children" -le 20 ] || fail "tasks = 20 gave $children children"
limited 'execs = 5
tasks = 64' "$probe" again 20 done
expect_ended limit_execs
refute_out done
limited 'events = 50
tasks = 64' "$probe" refusals 1000 "$PROGRAMS/mark"
expect_ended limit_events
limited 'cpu = "1s"
tasks = 64' "$probe" spin
expect_ended limit_cpu
verified
