# Writ's own keys, trust and sockets, by hard links, covers, links, streams and directories; scripts
# and trees that are swapped; names that write on the terminal.
probe=$PROGRAMS/probe
keys=$WRIT_HOME/config/keys
mkdir r w
init
cp "$PROGRAMS/probe" tool
any() { request "$(rule "$probe" '"{rest}"')" "$1"; }
issue p < <(any 'read = ["r"]
write = ["w"]')
under p "$probe" say works
expect_out works

# A hard link to a key, made outside, lies in a granted tree: nothing runs until it is gone.
for tree in r w; do
  for file in keys/runner.pem keys/log.pem trust/me.pub; do
    [ -e "$WRIT_HOME/config/$file" ] || file=keys/runner.pem
    ln "$WRIT_HOME/config/$file" $tree/linked
    under p "$probe" cat $tree/linked
    expect_denied reserved_path
    expect_err 'hard link'
    refute_out 'PRIVATE KEY'
    rm $tree/linked
  done
done
under p "$probe" say again
expect_out again

# The whole of the file system, the places of the kernel, and Writ's own as program or directory.
for path in / /proc /proc/1 /dev /sys/kernel; do
  any "read = [\"$path\"]" >bad.toml
  writ permit issue --no-store -o bad.permit bad.toml
  if [ "$path" != /sys/kernel ]; then
    [ "$status" = 1 ] || fail "issued a grant of $path"
    expect_err reserved_path
  elif [ "$status" = 0 ]; then
    under bad "$probe" cat /etc/shadow
    [ "$status" != 0 ] || fail "a run with $path shows /etc/shadow"
    refute_out root:
  fi
done
cp "$PROGRAMS/probe" "$WRIT_HOME/config/probe"
request "$(rule "$WRIT_HOME/config/probe" '"{rest}"')" >bad.toml
writ permit issue --no-store -o bad.permit bad.toml
[ "$status" = 1 ] || fail "issued a program inside Writ's own places"
rm "$WRIT_HOME/config/probe"
here=$PWD
cd "$keys" || fail "cd"
writ run --permit "$here/p.permit" -- "$probe" cat runner.pem
refute_out 'PRIVATE KEY'
[ "$status" != 0 ] || fail "the current directory shows a key"
cd "$here" || fail "cd"
# Descriptors of keys, of the directory and of the state, open in the caller.
exec 5<"$keys/runner.pem" 6<"$keys" 7<"$WRIT_HOME/state"
for fd in 5 6/runner.pem 7 6/../trust; do
  under p "$probe" cat "/proc/self/fd/$fd"
  expect_status 3
  refute_out 'PRIVATE KEY'
done
exec 5<&- 6<&- 7<&-

mkdir -p "$HOME/.config/writ" "$HOME/.local/state/writ"
# Trees that hold Writ's places: covered, and nothing can be put in their way. (A write tree above a
# place that is not there yet is denied.)
for field in read write; do
  issue above < <(any "$field = [\"$(dirname "$WRIT_HOME")\"]")
  for path in "$keys/runner.pem" "$WRIT_HOME/config/../config/keys/runner.pem" "/proc/self/cwd$keys/runner.pem" \
    "/proc/self/root$keys/log.pem" "$WRIT_HOME/state/ledger/checkpoint" "$WRIT_HOME/run"; do
    under above "$probe" cat "$path"
    [ "$status" = 3 ] || { [ $field = write ] && expect_denied reserved_path; }
    refute_out 'PRIVATE KEY'
  done
  under above "$probe" write "$keys/new"
  [ "$status" != 0 ] && [ ! -e "$keys/new" ] || fail "written among the keys"
done

# A tree that has become a link to the keys since the permit was issued.
rmdir r
ln -s "$keys" r
under p "$probe" cat r/runner.pem
expect_status 126
refute_out 'PRIVATE KEY'
rm r
mkdir r

# A script with another name in a write tree: it could be changed after its check. A long one, so
# that the shell reads its end after the change.
{
  printf 'while [ ! -e w/go ]; do :; done\n'
  yes '# filler' | head -n 2500
  printf 'echo good\n'
} >r/job.sh
request "$(rule "$probe" '"{rest}"')
$(rule /bin/sh '')
script = \"r/job.sh\"" 'read = ["r"]
write = ["w"]' | issue s
touch w/go
under s sh r/job.sh
expect_out good
ln r/job.sh w/alias
under s sh r/job.sh
expect_denied not_granted
expect_err 'hard link'
rm w/alias

# What a program is called must not write on the terminal of whoever reads the refusal.
name=$PWD/r/$(printf 'a\033[2J\nwrit: ended: exited 0')
cp "$PROGRAMS/mark" "$name"
under p "$probe" exec "$name" "$(printf 'x\033]0;evil\007')"
expect_status 3
case $err in *$'\033'* | *$'\007'*) fail "control characters in a message" ;; esac
printf '%s\n' "$err" | grep -q '^writ: ended: exited 0$' && fail "a forged line"
must ledger show --tree --last
case $out in *$'\033'* | *$'\007'*) fail "control characters in the ledger's print" ;; esac
verified
