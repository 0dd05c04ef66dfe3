# The ledger's verbs for strangers and for its owner: prove and check offline, export and read by a
# program of others, filters, kept heads, key change, erasing, fsck's names and statuses.
init
issue p < <(request "$(rule "$PROGRAMS/probe" '"{rest}"')")
under p "$PROGRAMS/probe" say secret-word
expect_status 0
must ledger verify
expect_out "no exec of a run that ended between entries"
expect_out "whether this is the newest state of the log cannot be known"
state=$WRIT_HOME/state
vkey=$(cat "$state/ledger/vkey")
case $vkey in *A) bent=${vkey%?}B ;; *) bent=${vkey%?}A ;; esac
cp "$state/ledger/checkpoint" kept

# An entry's proof: checked offline by us, and by Go's own library.
must ledger show --kind exec
entry=$(printf '%s\n' "$out" | awk 'NR == 1 {print $1}')
must ledger prove "$entry" -o exec.tlog-proof
must ledger prove --check exec.tlog-proof --log-key "$vkey"
expect_out "entry $entry is in the log: exec"
must ledger prove "$entry" --entry raw -o bare.tlog-proof
must ledger prove --check bare.tlog-proof --entry raw --log-key "$vkey"
"$PROGRAMS/log_reader" proof bare.tlog-proof raw "$vkey" >go.out || fail "Go does not take the proof"
grep -q "entry $entry is in the tree" go.out || fail "Go said something else"
printf x >>raw
writ ledger prove --check bare.tlog-proof --entry raw --log-key "$vkey"
expect_status 1
writ ledger prove --check bare.tlog-proof --entry raw --log-key "$vkey" --json
expect_status 1
expect_out '"ok":false'
must ledger prove --check exec.tlog-proof --log-key "$vkey" --json
expect_out "\"index\":$entry"
must ledger prove "$entry" --json
expect_out '"proof":"c2sp.org/tlog-proof@v1\n'
# Nobody to trust, another key, nothing to prove, two things, no such entry, no such file.
writ ledger prove --check exec.tlog-proof
expect_status 2
writ ledger prove --check exec.tlog-proof --log-key "$bent"
expect_status 2
writ ledger prove
expect_status 2
writ ledger prove "$entry" --check exec.tlog-proof
expect_status 2
for none in 999999 "$entry/0" nothing; do
  writ ledger prove "$none"
  expect_status 1
done
writ ledger prove --check raw --log-key "$vkey"
expect_status 1
writ ledger prove --check missing --log-key "$vkey"
[ "$status" != 0 ] || fail "a file that is not there was checked"
# -o names a place that is no file: it is written to, not replaced.
must ledger prove "$entry" -o /dev/null
[ -c /dev/null ] || fail "/dev/null was replaced"
sed 's/^index .*/index 0/' exec.tlog-proof >moved.tlog-proof
writ ledger prove --check moved.tlog-proof --log-key "$vkey"
expect_status 1

# The log goes on; an older head is continued, and that is provable.
under p "$PROGRAMS/probe" say again
must ledger prove --head kept -o continued
must ledger prove --check continued --head kept --log-key "$vkey"
expect_out "is continued"
must ledger verify --head kept
expect_out "up to the kept head"
# The same head, signed by nobody of this log: its text alone is worth nothing.
/usr/bin/python3 - kept forged <<'END'
import base64, sys
text, line = open(sys.argv[1]).read().rsplit(" ", 1)
blob = bytearray(base64.b64decode(line))
blob[-40] ^= 1
open(sys.argv[2], "w").write(text + " " + base64.b64encode(bytes(blob)).decode() + "\n")
END
writ ledger verify --head forged
expect_status 1
expect_err "signed by no key of this log"
must ledger export copy
"$PROGRAMS/log_reader" copy "$vkey" >go.out || fail "Go does not take the log"
"$PROGRAMS/log_reader" "$state/ledger" "$vkey" >/dev/null || fail "Go does not take the directory itself"
entries=$(awk '{print $1}' go.out)
[ "$entries" -gt 5 ] || fail "Go saw $entries entries"
[ "$(stat -c %a copy/checkpoint copy/tile)" = "$(printf '644\n755')" ] || fail "a web server could not read the copy"
must ledger export copy --json
expect_out '"size":'
# A directory with another log in it: nothing of it is touched.
WRIT_HOME=$PWD/other "$WRIT" init --no-passphrase >/dev/null 2>&1 || fail "a second home"
WRIT_HOME=$PWD/other "$WRIT" ledger export copy >other.out 2>&1 && fail "two logs were mixed"
grep -q "holds another log" other.out || fail "no reason was given: $(cat other.out)"
"$PROGRAMS/log_reader" copy "$vkey" >/dev/null || fail "the copy was spoilt"
if [ "$AS" = user ]; then
  writ ledger export /usr/here
  [ "$status" = 1 ] || [ "$status" = 125 ] || fail "no permission is no success"
  expect_err "/usr/here"
fi
must ledger export --receipt "$entry" --entry raw -o exec.receipt
[ -s exec.receipt ] || fail "no receipt"

# Filters.
must ledger show --kind end --json
[ "$(printf '%s' "$out" | grep -o '"kind":"end"' | wc -l)" = 2 ] || fail "two ends expected"
must ledger show --from 0 --to 0
expect_out genesis
refute_out exec
must ledger show --since 1h --kind genesis
expect_out genesis
must ledger show --until 1h --kind genesis
refute_out genesis
writ ledger show --kind nonsense
expect_status 2
expect_err "admission"
writ ledger show --from 5 --to 4
expect_status 2
writ ledger show --since yesterday
expect_status 2
writ ledger show --tree --kind exec
expect_status 2
must ledger show --permit 0
must policy replay
expect_out "all equal"
must policy replay --json
expect_out '"ok":true'
"$WRIT" ledger show --follow --kind end --json >followed 2>&1 &
follower=$!
under p "$PROGRAMS/probe" say third
followed() { [ "$(grep -c '"kind":"end"' followed)" = 3 ]; }
eventually 20 followed || fail "follow did not show the third end"
kill "$follower"
wait "$follower" 2>/dev/null

# Clear text erased; the log verifies; the word is gone from the disk.
must ledger show --last --json
run=$(printf '%s' "$out" | grep -o '"run":"[^"]*"' | head -n 1 | cut -d'"' -f4)
# Nothing is recorded for what is not there: an entry that names no event would be a fault for ever.
entries() { "$WRIT" ledger show --json | grep -o '"entry":' | wc -l; }
before=$(entries)
for none in 00000000000000000000000001 "$run/999" 999999 "$run/" "$run/x" "$run/1/2" nonsense; do
  writ ledger erase "$none"
  expect_status 1
done
writ ledger erase
expect_status 2
[ "$(entries)" = "$before" ] || fail "something was recorded"
must ledger erase "$run" --reason "asked to"
writ ledger erase "$run"
expect_status 1
expect_err "no clear text"
must ledger show "$run" --json
refute_out third
grep -rq third "$state/side" && fail "the word is still in the side store"
must ledger show --kind erase
expect_out "of clear text of $run"
verified

# The key changes; who trusted the old one follows; a second change too.
must ledger rotate
next=$(cat "$state/ledger/vkey")
[ "$next" != "$vkey" ] || fail "the key did not change"
under p "$PROGRAMS/probe" say after
expect_status 0
must ledger verify --log-key "$vkey" --head kept
must ledger verify --log-key "$next"
must ledger rotate --json
expect_out "\"before\":\"$next\""
must ledger verify --log-key "$vkey"
# While a run is alive the key stays: its governor signs with it.
"$WRIT" run --permit p.permit -- "$PROGRAMS/probe" spin >/dev/null 2>&1 &
running=$!
alive() { "$WRIT" ps --json 2>/dev/null | grep -q '"run":'; }
eventually 10 alive || fail "the run did not begin"
writ ledger rotate
expect_status 1
expect_err "alive"
must revoke p.permit
wait "$running" 2>/dev/null
must ledger rotate
verified
issue p < <(request "$(rule "$PROGRAMS/probe" '"{rest}"')")
# Cut short before and after the log took the key over: the same call finishes.
cp "$WRIT_HOME/config/keys/log.pem" "$WRIT_HOME/config/keys/log.next.pem"
must ledger rotate
expect_out "finished"
verified
[ ! -e "$WRIT_HOME/config/keys/log.next.pem" ] || fail "the next key was left behind"
must ledger fsck
expect_out sound
must ledger fsck --json
expect_out '"status":0'

# Damage of each kind has its name and status. A copy is damaged, then put back.
cp -a "$state" good
restore() { rm -rf "$state" && cp -a good "$state"; }
writ ledger fsck --log-key "x$vkey"
expect_status 2
cp "$state/ledger/checkpoint" newest
size=$(sed -n 2p "$state/ledger/checkpoint")
printf '\377' | dd of="$state/ledger/tile/entries/000.p/$size" bs=1 seek=300 conv=notrunc 2>/dev/null
writ ledger fsck
expect_status 10
expect_out entry_altered
writ ledger fsck --json
expect_status 10
expect_out '"name":"entry_altered"'
writ policy replay
expect_status 1
writ ledger verify
expect_status 1
expect_err "not proven"
restore
rm "$state/ledger/checkpoint"
writ ledger fsck
expect_status 12
expect_out head_missing
restore
cp other/state/ledger/vkey "$state/ledger/vkey"
writ ledger fsck
expect_status 13
restore
rm "$state/ledger/tile/0/000.p/$size"
writ ledger fsck
expect_status 14
expect_out tile_missing
restore
must ledger fsck

# The whole state replaced by an older one: known with a kept head, said to be unknown without.
under p "$PROGRAMS/probe" say later
cp "$state/ledger/checkpoint" newest
restore
must ledger verify
expect_out "cannot be known"
writ ledger verify --head newest
expect_status 1
expect_err head_behind_kept
writ ledger verify --head newest --json
expect_status 1
expect_out '"kind":"head_behind_kept"'
# A head of another log that is larger or smaller is no head of this one.
WRIT_HOME=$PWD/other "$WRIT" ledger show >/dev/null || fail "the other log"
writ ledger verify --head other/state/ledger/checkpoint
expect_status 1
writ ledger verify --head raw
expect_status 1
expect_err raw
# Witnesses are asked for, and there are none.
wkey=$(/usr/bin/python3 - "$(cat other/state/ledger/vkey)" <<'END'
import base64, hashlib, sys
key = b"\x04" + base64.b64decode(sys.argv[1].split("+", 2)[2])[1:]
print("w+%s+%s" % (hashlib.sha256(b"w\n" + key).hexdigest()[:8], base64.b64encode(key).decode()))
END
)
printf 'log %s\nwitness W %s\nquorum W\n' "$vkey" "$wkey" >policy
writ ledger verify --policy policy
expect_status 1
expect_err "(not_witnessed)"
writ ledger verify --policy policy --json
expect_status 1
expect_out '"kind":"not_witnessed"'
writ ledger fsck --head newest
expect_status 12
