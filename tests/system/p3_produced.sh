# Produced code: with the rule it runs and its digest is in the record; without, never.
probe=$PROGRAMS/probe
mkdir w
init
issue p < <(request "$(rule "$probe" '"{rest}"')
[[exec]]
produced = \"w\"
args = [\"say\", \"{rest}\"]" 'write = ["w"]')
under p "$probe" copy w/made
expect_status 0
under p "$probe" exec "$PWD/w/made" say built
expect_status 0
expect_out built
must ledger show --tree --last
expect_out "built here, sha256 $(sha256sum w/made | cut -c1-8)"
under p "$probe" exec "$PWD/w/made" exit 0
expect_status 3
expect_err args_mismatch
verified
