# The escape suite: tests/escape/FAMILY.sh, each run as root and as an ordinary user. A family sets
#   family     its name
#   attack     the program of its attacks (tests/programs/attack.h), and `arguments` for each of them
#   controls   the attacks that get through where nothing governs them: these are counted
#   apart      attacks that are tried under Writ in a run of their own too; with batch=no these and the
#              counted ones are not tried together in one run
#   stdin      what standard input is then; late: seconds until the oracle has heard what happened
# and defines what it needs of
#   prepare    once: files, listeners, and the permit, by `grant`
#   fresh      before every trial, told its column: the trees as they were
#   harmed     the oracle outside the run: succeeds and prints what has happened, if something has;
#              $out is what came out of the trial
# and calls `escape`. Every trial prints a line, "escape FAMILY ATTACK COLUMN OUTCOME" (tabs between).
# With WRIT_ESCAPE_LIST set, a family prints what it counts, and does nothing. With WRIT_ESCAPE_PEERS
# ("bwrap firejail"), its counted attacks are tried against these as well, with the same grant as far
# as they can say it.
# shellcheck shell=bash disable=SC2034,SC2154
arguments=() readable=() writable=() apart='' batch=yes stdin=/dev/null late='' oracle_seen=0

# noted ATTACK COLUMN OUTCOME
noted() { printf 'escape\t%s\t%s\t%s\t%s\n' "$family" "$1" "$2" "$3"; }
# counted NAMES: what the family counts. In a listing that is all there is to say.
counted() {
  local name
  [ -n "${WRIT_ESCAPE_LIST:-}" ] || return 0
  for name in $1; do noted "$name" counted yes; done
  exit 0
}
prepare() { :; }
fresh() { :; }

# grant "READ-TREES" "WRITE-TREES" [RULES]: p.permit, for the attack's program with any arguments; the
# peers get the same trees.
grant() {
  local quoted_reads='' quoted_writes='' tree
  read -ra readable <<<"$1"
  read -ra writable <<<"$2"
  for tree in "${readable[@]}"; do quoted_reads+="\"$tree\", "; done
  for tree in "${writable[@]}"; do quoted_writes+="\"$tree\", "; done
  issue p < <(request "$(rule "$attack" '"{rest}"')
${3:-}" "read = [${quoted_reads%, }]
write = [${quoted_writes%, }]")
}

# The peers, as tight as each can be told: the same trees, no network, no capability, no new
# namespace where there is a switch for it, a session of its own, an empty environment.
in_bwrap() {
  local tree options=(--unshare-all --die-with-parent --new-session --clearenv --cap-drop ALL --as-pid-1
    --proc /proc --dev /dev --tmpfs /tmp --dir "$PWD" --ro-bind "$PROGRAMS" "$PROGRAMS")
  [ "$(id -u)" = 0 ] || options+=(--unshare-user --disable-userns)
  for tree in "${peer_code[@]}"; do options+=(--ro-bind "$tree" "$tree"); done
  for tree in "${readable[@]}"; do options+=(--ro-bind "$(realpath "$tree")" "$(realpath "$tree")"); done
  for tree in "${writable[@]}"; do options+=(--bind "$(realpath "$tree")" "$(realpath "$tree")"); done
  timeout -k 5 60 bwrap "${options[@]}" --chdir "$PWD" -- "$@"
}
in_firejail() {
  local tree options=(--quiet --noprofile --deterministic-shutdown --caps.drop=all --nonewprivs --seccomp
    --seccomp.block-secondary --restrict-namespaces --memory-deny-write-execute --net=none --ipc-namespace
    --private-dev --disable-mnt --dbus-user=none --dbus-system=none --blacklist=/proc/sys
    --whitelist="$PROGRAMS" --read-only="$PROGRAMS")
  [ "$(id -u)" = 0 ] || options+=(--noroot)
  for tree in "${readable[@]}"; do
    tree=$(realpath "$tree")
    options+=(--whitelist="$tree" --read-only="$tree" --noexec="$tree")
  done
  for tree in "${writable[@]}"; do
    tree=$(realpath "$tree")
    options+=(--whitelist="$tree" --read-write="$tree" --noexec="$tree")
  done
  timeout -k 5 60 env -i PATH="$PATH" HOME="$HOME" firejail "${options[@]}" -- "$@"
}
peer_code=(/usr /bin /lib /lib64)

# trial COLUMN ATTACK: sets $outcome: "through", "refused" or, where the run did not even start or
# answer, "none"; and notes it. A trial that takes a minute and a half counts as through.
trial() {
  local column=$1 name=$2 seen='' command
  fresh "$column"
  command=("$attack" "$name" "${arguments[@]}")
  case $column in
    ungoverned) ;;
    writ) command=("$WRIT" run --permit p.permit -- "${command[@]}") ;;
    *) command=("in_$column" "${command[@]}") ;;
  esac
  [ "$column" != ungoverned ] && [ "$column" != writ ] || command=(timeout -k 5 90 "${command[@]}")
  out=$("${command[@]}" 2>"$SCRATCH/err" <"$stdin" | tr -d '\0' && exit "${PIPESTATUS[0]}")
  status=$?
  err=$(tr -d '\0' <"$SCRATCH/err")
  outcome=none
  case $out in *': refused'*) outcome=refused ;; esac
  case $status$err in 124*'writ: ended: '*) outcome=refused ;; esac
  [ "$column" != writ ] || case $err in *'writ: refused: '*) outcome=refused ;; esac
  if [ "$outcome" = none ] && { [ "$status" = 124 ] || [ "$status" = 137 ]; }; then outcome=through; fi
  case $out in *'got through: '*) outcome=through ;; esac
  if declare -F harmed >/dev/null; then
    # What listeners say may come a moment later.
    if seen=$(harmed) || { [ "$outcome" = through ] && [ -n "${late:-}" ] && sleep "$late" && seen=$(harmed); }; then
      outcome=through
      [ "$column" != ungoverned ] || oracle_seen=$((oracle_seen + 1))
      seen=outside
    fi
  fi
  noted "$name" "$column" "$outcome"
  [ "$column$outcome" != ungovernedthrough ] || noted "$name" oracle "${seen:-its word}"
}

# escape: the controls; then every attack of the program under Writ, in one run with the granted acts;
# for the table the counted ones each in a run of its own.
escape() {
  local name harm peer
  counted "$controls"
  init
  prepare
  for name in $controls; do
    # A race may be lost.
    for _ in 1 2 3 4 5; do
      trial ungoverned "$name"
      [ "$outcome" != through ] || break
    done
    [ "$outcome" = through ] || fail "ungoverned, $name should get through"
  done
  if declare -F harmed >/dev/null && [ "$oracle_seen" = 0 ]; then fail "the oracle outside has seen nothing"; fi
  if [ $batch = yes ]; then
    fresh writ
    attacks p "$attack" "${arguments[@]}"
    together=$out
    if declare -F harmed >/dev/null; then
      sleep 0.2
      harm=$(harmed) && fail "harm outside: $harm"
    fi
  fi
  fresh writ
  under p "$attack" acts "${arguments[@]}"
  expect_status 0
  expect_out works
  for name in $controls $apart; do
    if [ $batch = yes ] && [ -z "${WRIT_ESCAPE_PEERS:-}" ] && case " $apart " in *" $name "*) false ;; esac then
      case $together in *"$name: refused"*) ;; *) fail "$name was not tried" ;; esac
      noted "$name" writ refused
    else
      trial writ "$name"
      [ "$outcome" = refused ] || fail "$name: $outcome"
    fi
  done
  for peer in ${WRIT_ESCAPE_PEERS:-}; do
    for name in $controls; do trial "$peer" "$name"; done
  done
  verified
}
