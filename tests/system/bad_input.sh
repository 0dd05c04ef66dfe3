# Bad input: over-long files are refused unread, empty, truncated and nested ones get an error that
# names file, place and reason; no refusal takes more than 64 MiB of memory.
probe=$PROGRAMS/probe
init
issue p < <(request "$(rule "$probe" '"{rest}"')")
refused() { # FILE COMMAND...: refused with the file's name, within the memory limit
  local file=$1 peak
  shift
  if [ -x /usr/bin/time ]; then
    /usr/bin/time -f 'peak %M' -o peak "$WRIT" "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" </dev/null
    status=$?
    peak=$(sed -n 's/^peak //p' peak)
    case $(readelf -d "$WRIT" 2>/dev/null) in
      *libasan*) ;; # the sanitizer's own memory says nothing about ours
      *) [ "$peak" -le 65536 ] || fail "took $peak KiB to refuse $file" ;;
    esac
  else
    "$WRIT" "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" </dev/null
    status=$?
  fi
  out=$(head -c 2000 "$SCRATCH/out" | tr -d '\0')
  err=$(head -c 2000 "$SCRATCH/err" | tr -d '\0')
  [ "$status" = 1 ] || [ "$status" = 2 ] || [ "$status" = 126 ] || fail "refusing $file: status $status"
  expect_err "$file"
}
truncate -s 1100000 big.permit
truncate -s 5000000 big.toml
: >empty.permit
head -c 100 p.permit >cut.permit
head -c 200000 /dev/zero | tr '\0' '\201' >nested.permit
printf 'subject = "x\n' >broken.toml
: >empty.toml
{ printf 'a = '; head -c 100000 /dev/zero | tr '\0' '['; } >nested.toml
printf 'subject = "x"\nfrobnicate = 1\n' >unknown.toml
for file in big empty cut nested; do
  refused $file.permit run --permit $file.permit -- "$probe" say no
  refused $file.permit permit verify $file.permit
done
for file in big broken empty nested unknown; do
  refused $file.toml permit issue $file.toml
done
expect_err frobnicate
expect_err unknown.toml:2
refused missing.permit run --permit missing.permit -- "$probe"
refused . permit show .

# Policies, schemas and entities as large as they may be, and short texts that stand for much.
: >empty.json
echo 'permit (principal, action, resource);' >ok.cedar
long() { # TEXT COUNT: TEXT that many times
  yes "$1" | head -n "$2" | tr -d '\n'
}
entity='{"uid":{"type":"A","id":"1"},"attrs":{"a":[1,2,3]},"parents":[]},'
{ printf '['; long "$entity" 300000; } >cut.json
{ printf '['; long "$entity" 300000; printf '{"uid":3}]'; } >last.json
head -c 66000000 /dev/zero | tr '\0' '[' >nested.json
{ printf '[{"uid":"'; head -c 66000000 /dev/zero | tr '\0' x; } >string.json
{ printf '{"a":['; long 1, 20000000; printf '1]}'; } >object.json
truncate -s 67108865 big.json
{ printf '[{"uid":{"type":"A","id":"1"},"attrs":{'; seq -f '"%g":1,' 390000; } >names.json
for file in cut last nested string object empty big names; do
  refused $file.json policy check --entities $file.json ok.cedar
done
for file in cut last nested; do
  "$WRIT" policy check --entities - ok.cedar <$file.json >/dev/null 2>"$SCRATCH/err" && fail "$file.json was taken"
  grep -q 'standard input:1:' "$SCRATCH/err" || fail "$file.json: no place: $(head -c 300 "$SCRATCH/err")"
done
rm -- *.json
{ long 'permit(principal,action,resource);' 120000; echo x; } >many.cedar
{ long 'permit(principal,action,resource)when{1+1+1+1+1+1+1+1+1};' 70000; echo x; } >terms.cedar
{ long '@a@b@c@d@e@f permit(principal,action,resource);' 80000; echo x; } >annotated.cedar
{ printf 'permit(principal,action in ['; long 'Action::"",' 370000; } >actions.cedar
{ printf '{"staticPolicies":{"a":{"effect":"permit","conditions":['; long '{"kind":1},' 700000; } >many.json
{ printf '{"staticPolicies":{"a":{'; seq -f '"%g":1,' 390000; } >names.json
{ printf '{"staticPolicies":{"a":['; seq -f '"%033.0f",' 299000; } >strings.json
{
  printf '{"staticPolicies":{"a":['
  for first in $(seq 0 24000 264000); do
    printf '{'; seq -f '"%033.0f":1,' $first $((first + 23999)); printf '"":1},'
  done
} >objects.json
{ printf '{"staticPolicies":{"a":["'; head -c 12000000 /dev/zero | tr '\0' x; } >long.json
{ printf '{"staticPolicies":{"a":['; yes '' | head -c 12000000; echo x; } >blank.json
truncate -s 4200000 big.cedar
for file in many.cedar terms.cedar annotated.cedar actions.cedar big.cedar ./*.json; do
  refused $file policy check $file
done
{ printf 'entity '; seq -s , -f A%g 20000; printf ' = {'; seq -s , -f 'a%g: Long' 250; echo '};'; } >names.cedarschema
{ echo 'entity A0;'; seq 6000 | awk '{ print "entity A" $1 " in A" ($1 - 1) ";" }'; } >chain.cedarschema
{ printf 'namespace '; head -c 2000000 /dev/zero | tr '\0' x; printf '{'; seq -f 'entity A%g;' 100000; } >space.cedarschema
{ printf '{"":{"actions":{},"entityTypes":{'; seq -f '"A%g":{},' 250000; } >many.cedarschema.json
for file in names.cedarschema chain.cedarschema space.cedarschema many.cedarschema.json; do
  refused $file policy check --schema $file ok.cedar
done
mkfifo pipe.permit
refused pipe.permit permit show pipe.permit
verified
