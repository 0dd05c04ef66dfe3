# P3: program, argv[0], arguments and environment are what the permit says, for the first program
# and for those it starts.
probe=$PROGRAMS/probe
mkdir w
init
env='env = ["PATH", "GREETING=hello"]'
issue p < <(
  request "$(rule "$probe" '"{rest}"')
$env
$(rule "$PROGRAMS/mark" "\"$PWD/w/{glob:*}\"")" 'write = ["w"]'
)
under p "$probe" say one 'two three'
expect_status 0
expect_out 'two three'

# Environment: what is not granted does not reach the first program …
SECRET=s3cret LD_PRELOAD=/nowhere.so GREETING=hello under p "$probe" env
expect_status 0
refute_out s3cret
refute_out LD_PRELOAD
expect_out GREETING=hello
# … and refuses the exec of a later one.
under p "$probe" execenv GREETING=other "$probe" env
expect_status 3
expect_err env_not_granted
under p "$probe" execenv LD_PRELOAD=/nowhere.so "$probe" env
expect_status 3
expect_err env_not_granted
under p "$probe" execenv GREETING=hello "$probe" env
expect_status 0
expect_out GREETING=hello

# Arguments of a later program.
under p "$probe" exec "$PROGRAMS/mark" "$PWD/w/granted"
expect_status 0
[ -e w/granted ] || fail "the granted argument"
under p "$probe" exec "$PROGRAMS/mark" "$PWD/other"
expect_status 3
expect_err args_mismatch
under p "$probe" exec "$PROGRAMS/mark" "$PWD/w/a" extra
expect_status 3
expect_err args_mismatch

# argv[0] is authority: a multi-call binary must not be told another name.
under p "$probe" exec0 "$probe" sh say no
expect_status 3
expect_err args_mismatch
under p "$probe" exec0 "$probe" probe say yes
expect_status 0
expect_out yes
verified
