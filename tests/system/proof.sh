# P10: a run's evidence in one file, checked with public keys alone: no home, no ledger, no network.
probe=$PROGRAMS/probe
init
issue p < <(request "$(rule "$probe" '"{rest}"')")
under p "$probe" say one
expect_status 0
under p "$probe" exec "$PROGRAMS/mark"
must proof export --last -o job.proof
expect_out "entries"
run=$(printf '%s' "$out" | sed -n 's/^run \([0-9A-Z]*\) .*/\1/p')
# The same file from the start of the run's id, on standard output.
"$WRIT" proof export "${run%??????}" >again.proof 2>/dev/null || fail "by the start of its id"
cmp -s job.proof again.proof || fail "the same run under the same head gives other bytes"

# Everything a stranger needs, elsewhere; the machine is gone.
mkdir far
cp job.proof "$WRIT_HOME/config/trust"/*.pub "$WRIT_HOME/state/ledger/checkpoint" far/
pub=$(cd far && echo ./*.pub)
vkey=$(cat "$WRIT_HOME/state/ledger/vkey")
mv "$WRIT_HOME" gone
export WRIT_HOME=$PWD/nowhere
cd far || fail far
must proof verify job.proof --trust "$pub" --log "$vkey"
for line in " ok  head " " ok  records " " in force " " ok  permit chain " " ok  policy " \
  " ok  continuity " " ok  complete " " --  witnessed " " --  host " "verified   run $run"; do
  expect_out "$line"
done
expect_out "all equal"
must proof verify job.proof --trust "$pub" --log-key "$vkey" --head checkpoint
expect_out "it is the head that was given"
must proof verify job.proof --trust "$pub" --log-key "$vkey" --json
expect_out '"ok":true'
expect_out '"rests_on":"the log key"'
must proof verify job.proof --trust "$pub" --log-key "$vkey" --quiet
[ -z "$out$err" ] || fail "quiet says something"
printf 'log %s\nquorum none\n' "$vkey" >trust.policy
must proof verify job.proof --trust "$pub" --policy trust.policy
[ ! -e "$WRIT_HOME" ] || fail "verifying made a home"

# Without keys it says what it needs; with others it says no.
writ proof verify job.proof
expect_status 2
expect_err "whom to trust?"
expect_err "$vkey"
openssl genpkey -algorithm ed25519 -out other.key 2>/dev/null && openssl pkey -in other.key -pubout -out other.pub
writ proof verify job.proof --trust other.pub --log-key "$vkey"
expect_status 1
expect_err "does not verify: permit chain"
expect_err "does not verify: policy"
refute_out "verified"
WRIT_HOME=$SCRATCH/other "$WRIT" init --no-passphrase >/dev/null 2>&1 || fail "a second home"
other=$(cat "$SCRATCH/other/state/ledger/vkey")
writ proof verify job.proof --trust "$pub" --log-key "$other"
expect_status 1
expect_err "does not verify: head"
# Each --trust names one file; one of the keys is enough.
must proof verify --trust other.pub --trust "$pub" job.proof --log-key "$vkey"
expect_out "trusting: other.pub (given), $pub (given)"

# Altered, cut, no proof at all: no, never a crash.
size=$(stat -c %s job.proof)
for i in $(seq 1 40); do
  cp job.proof bent.proof
  at=$((size * i / 41))
  byte=$(dd if=job.proof bs=1 skip=$at count=1 2>/dev/null | od -An -tu1)
  # shellcheck disable=SC2059
  printf "\\$(printf '%03o' $((byte ^ 1)))" | dd of=bent.proof bs=1 seek=$at conv=notrunc 2>/dev/null
  writ proof verify bent.proof --trust "$pub" --log-key "$vkey"
  expect_status 1
done
head -c $((size / 2)) job.proof >cut.proof
: >empty.proof
for file in cut.proof empty.proof checkpoint; do
  writ proof verify $file --trust "$pub" --log-key "$vkey"
  expect_status 1
  expect_err "does not verify"
  writ proof verify $file --trust "$pub" --log-key "$vkey" --json
  expect_status 1
  expect_out '"ok":false'
done
cd .. || fail back
mv gone "$SCRATCH/home.back"
export WRIT_HOME=$SCRATCH/home.back

# Clear text that is erased: recorded, not replayable. The older file still proves what it did.
must ledger erase "$run" --reason "asked for"
must proof export "$run" -o erased.proof
must proof verify erased.proof --trust "far/$pub" --log-key "$vkey"
expect_out " --  policy "
expect_out "recorded, not replayable"
expect_out "none left out up to"
# A change of the log key is followed from the key that a stranger has.
must ledger rotate
must proof export "$run" -o rotated.proof
must proof verify rotated.proof --trust "far/$pub" --log-key "$vkey"
expect_out "in force after 1 change of it"
must proof verify rotated.proof --trust "far/$pub" --log-key "$(cat "$WRIT_HOME/state/ledger/vkey")"
must proof export "$run" --head far/checkpoint -o older.proof
must proof verify older.proof --trust "far/$pub" --log-key "$vkey" --head far/checkpoint

writ proof export
expect_status 2
writ proof export 0NOSUCHRUN -o x.proof
expect_status 1
writ proof export "$run" --cosigned -o x.proof
expect_status 1
expect_err "cosigned"
[ ! -e x.proof ] || fail "a proof was written although there is none"
exit 0
