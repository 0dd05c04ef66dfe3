# writ policy: check, test, authorize, explain, fmt and convert, on good input and on bad. No home,
# keys or ledger are needed or made.
cat >photos.cedarschema <<'END'
entity Team;
entity User in [Team] { admin: Bool };
entity Album;
entity Photo in [Album] { viewers?: Team };
action view, edit appliesTo { principal: [User], resource: [Photo], context: { hour: Long } };
END
cat >photos.cedar <<'END'
// Who may do what.
@id("viewers")
permit (principal, action == Action::"view", resource)
when { resource has viewers && principal in resource.viewers }
when { context.hour >= 8 && context.hour < 18 };

@id("archive")
forbid (principal, action, resource in Album::"archive")
unless { principal.admin };

@id("editors")
permit (principal in Team::"editors", action in [Action::"view", Action::"edit"], resource);
END
cat >photos.json <<'END'
[{"uid": {"type": "User", "id": "ann"}, "attrs": {"admin": false}, "parents": [{"type": "Team", "id": "friends"}]},
 {"uid": {"type": "User", "id": "eve"}, "attrs": {"admin": false}, "parents": []},
 {"uid": {"type": "Photo", "id": "lake"}, "attrs": {"viewers": {"type": "Team", "id": "friends"}}, "parents": []},
 {"uid": {"type": "Photo", "id": "old"}, "attrs": {}, "parents": [{"type": "Album", "id": "archive"}]}]
END
ask() { # VERB PRINCIPAL ACTION RESOURCE HOUR MORE...
  local verb=$1 who=$2 what=$3 which=$4 hour=$5
  shift 5
  writ policy "$verb" photos.cedar --schema photos.cedarschema --entities photos.json \
    --principal "User::\"$who\"" --action "Action::\"$what\"" --resource "Photo::\"$which\"" \
    --context "{\"hour\": $hour}" "$@"
}

# check
must policy check --schema photos.cedarschema --entities photos.json photos.cedar photos.cedarschema
expect_out 'photos.cedar: 3 policies; valid'
expect_out 'photos.cedarschema: 4 entity types, 2 actions'
expect_out 'photos.json: 4 entities'
must policy check photos.cedar
expect_out 'not validated: no --schema was given'
must policy check --json --schema photos.cedarschema photos.cedar
expect_out '"schema":0,"ok":true'
printf 'permit (principal, action, resource)\nwhen { principal.age < 18 };\n' >typo.cedar
writ policy check --schema photos.cedarschema typo.cedar
expect_status 1
expect_err 'typo.cedar:2:'
expect_err '  | when { principal.age < 18 };'
expect_err '^'
expect_err 'policy0'
printf 'permit (principal, action, resource)\nwhen { 1 + };\n' >broken.cedar
writ policy check broken.cedar --json
expect_status 1
expect_err 'broken.cedar:2:12: '
expect_out '"ok":false'
printf 'forbid (principal, action, resource) when { 1 == 2 };\n' >never.cedar
must policy check --schema photos.cedarschema never.cedar
expect_err 'warning: never.cedar:1:'

# authorize: yes, no, and no by an error
ask authorize ann view lake 9
expect_status 0
expect_out 'allow'
expect_out 'viewers (policy0)   photos.cedar:3'
ask authorize eve view lake 9
expect_status 1
expect_out 'deny: no policy permits this'
ask authorize ann view lake 9 --json
expect_out '"decision":"allow","reasons":[{"id":"policy0","name":"viewers","line":3}],"errors":[]'
ask authorize nobody view old 9
expect_status 1
expect_out 'fails  archive (policy1)   photos.cedar:9:'
printf 'permit (principal, action, resource);\n@id("old-rule") forbid (principal, action, resource) when { principal.gone };\n' >failing.cedar
fails() { writ policy authorize failing.cedar --principal 'User::"a"' --action 'Action::"b"' --resource 'Doc::"c"' "$@"; }
fails
expect_status 1
expect_out 'what fails denies'
fails --cedar
expect_status 0
printf '{"principal": "User::\\"ann\\"", "action": {"type": "Action", "id": "view"}, "resource": "Photo::\\"lake\\"", "context": {"hour": 12}}' >request.json
must policy authorize photos.cedar --schema photos.cedarschema --entities photos.json --request request.json
writ policy authorize photos.cedar --schema photos.cedarschema --request request.json --principal 'User::"ann"'
expect_status 2
writ policy authorize photos.cedar --principal 'User::"ann"'
expect_status 2
expect_err '--action'
writ policy authorize photos.cedar --principal ann --action 'Action::"view"' --resource 'Photo::"lake"'
expect_status 2
expect_err "expected an entity like"
ask authorize ann publish lake 9
expect_status 1
expect_err 'Action::"publish"'

# explain: what decided, and what came nearest
ask explain ann view lake 20
expect_status 1
expect_out 'nearest
  permit viewers (policy0)   photos.cedar:3
    when       context.hour < 18   photos.cedar:5
    is         false
    where      context.hour is 20
  permit editors (policy2)   photos.cedar:12
    scope      principal in Team::"editors"   but it is User::"ann"'
ask explain ann view old 9
expect_status 1
expect_out 'forbid archive (policy1)'
expect_out 'what would permit it'
ask explain ann view lake 9
expect_status 0
expect_out 'allow
  permit viewers'
ask explain ann view lake 20 --json
expect_out '"expression":"context.hour < 18"'

# test
cat >photos.toml <<'END'
policies = "photos.cedar"
schema   = "photos.cedarschema"
entities = "photos.json"
[context]
hour = 9
[[test]]
name = "friends see it"
principal = 'User::"ann"'
action = 'Action::"view"'
resource = 'Photo::"lake"'
decision = "allow"
reasons = ["viewers"]
[[test]]
name = "not at night"
principal = 'User::"ann"'
action = 'Action::"view"'
resource = 'Photo::"lake"'
context = { hour = 23 }
decision = "deny"
reasons = []
END
must policy test photos.toml
expect_out '2 passed, 0 failed'
mkdir elsewhere
(cd elsewhere && "$WRIT" policy test ../photos.toml >/dev/null) || fail "paths are relative to the test file"
sed 's/"deny"/"allow"/; s/"viewers"/"policy2"/' photos.toml >wrong.toml
writ policy test wrong.toml
expect_status 1
expect_out 'FAIL  friends see it   wrong.toml:6:'
expect_out 'expected the reasons policy2, got viewers (policy0)'
expect_out 'expected allow, got deny'
expect_out '0 passed, 2 failed'
must policy test --json photos.toml
expect_out '"ok":true,"passed":2,"failed":0'
sed 's/hour = 23/minute = 1/' photos.toml >wrong.toml
writ policy test wrong.toml
expect_status 1
expect_out 'the request does not fit: '
sed 's/resource = /resuorce = /' photos.toml >wrong.toml
writ policy test wrong.toml
expect_status 1
expect_err 'wrong.toml:10:'
expect_err 'resuorce'
printf 'policies = "photos.cedar"\ntest = []\n' >none.toml
writ policy test none.toml
expect_status 1
expect_err 'no [[test]]'

# fmt
printf '@id("a")permit(principal,action,resource)when{1<2 // why\n};' >ugly.cedar
chmod 640 ugly.cedar
ln -s ugly.cedar link.cedar
writ policy fmt --check ugly.cedar
expect_status 1
expect_err 'ugly.cedar is not formatted'
must policy fmt ugly.cedar
expect_out '// why'
cp ugly.cedar before.cedar
must policy fmt --write link.cedar
[ -L link.cedar ] || fail "fmt replaced the link"
[ "$(stat -c %a ugly.cedar)" = 640 ] || fail "fmt changed the mode"
must policy fmt --check ugly.cedar
[ "$(ls -d ./*writ-tmp* 2>/dev/null)" = "" ] || fail "fmt left a file behind"
"$WRIT" policy fmt - <before.cedar >piped.cedar || fail "fmt of standard input"
cmp piped.cedar ugly.cedar || fail "standard input is laid out differently"
must policy fmt --write photos.cedarschema
must policy fmt --check photos.cedarschema

# convert: there and back, stable the second time
must policy convert photos.cedar -o photos.policies.json
must policy convert photos.policies.json -o back.cedar
must policy convert back.cedar -o again.json
cmp photos.policies.json again.json || fail "text → JSON → text → JSON differs"
must policy check --schema photos.cedarschema photos.policies.json
expect_out '3 policies; valid'
must policy convert photos.cedarschema -o photos.cedarschema.json
must policy check photos.cedarschema.json
must policy convert photos.cedarschema.json -o back.cedarschema
must policy convert back.cedarschema -o back.cedarschema.json
must policy convert back.cedarschema.json -o again.cedarschema
cmp back.cedarschema again.cedarschema || fail "the schema is not stable"
writ policy authorize photos.policies.json --schema photos.cedarschema.json --entities photos.json --request request.json
expect_status 0
expect_out 'viewers (policy0)'

# What people get wrong.
: >empty.cedar
must policy check empty.cedar
expect_out '0 policies'
head -c 300 "$WRIT" >binary.cedar
truncate -s 5000000 big.cedar
truncate -s 70000000 big.json
head -c 100000 /dev/zero | tr '\0' '(' >nested.cedar
head -c 100000 /dev/zero | tr '\0' '[' >nested.json
refused() { # STATUS TEXT VERB...: refused with this status, saying this
  local wanted=$1 text=$2
  shift 2
  writ "$@"
  expect_status "$wanted"
  expect_err "$text"
  [ "$(wc -c <"$SCRATCH/err")" -lt 3000 ] || fail "an error of $(wc -c <"$SCRATCH/err") bytes"
}
for verb in check fmt convert; do
  refused 1 missing.cedar policy $verb missing.cedar
  refused 1 'big.cedar` has 5000000 bytes' policy $verb big.cedar
  refused 1 'binary.cedar: this is no text' policy $verb binary.cedar
  refused 2 '`.` is not a regular file' policy $verb .
  refused 1 nested.cedar policy $verb nested.cedar
  [ $verb = fmt ] || refused 1 nested.json policy $verb nested.json
done
refused 1 missing.cedarschema policy check --schema missing.cedarschema photos.cedar
refused 1 'big.json` has 70000000 bytes' policy check --entities big.json photos.cedar
refused 1 photos.cedar: policy check --schema photos.cedar photos.cedar
refused 1 photos.json: policy check photos.json
refused 2 'this is JSON' policy fmt photos.policies.json
refused 2 '--write or --check' policy fmt --write --check photos.cedar
refused 1 'missing.toml' policy test missing.toml
refused 2 'file is required' policy check

# Ten thousand policies.
i=0
while [ $i -lt 10000 ]; do
  printf 'permit (principal == User::"u%d", action == Action::"view", resource) when { context.hour > %d };\n' $i $i
  i=$((i + 1))
done >many.cedar
must policy check --schema photos.cedarschema many.cedar
expect_out '10000 policies; valid'
writ policy explain many.cedar --principal 'User::"u77"' --action 'Action::"view"' --resource 'Photo::"lake"' --context '{"hour": 3}'
expect_status 1
expect_out 'permit policy77   many.cedar:78'
expect_out 'and 9995 more, further away'
must policy convert many.cedar -o many.json
must policy check --schema photos.cedarschema many.json
expect_out '10000 policies; valid'
[ ! -e "$WRIT_HOME" ] || fail "a home was made"
