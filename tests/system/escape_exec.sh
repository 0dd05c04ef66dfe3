# Programs, scripts, arguments and environments that no rule names, by every way to name or make
# one. What must not run would leave a mark; whether it did is seen from outside.
attack=$PROGRAMS/attack_exec
mkdir -p r w
cp "$PROGRAMS/mark" r/forbidden
init
echo 'echo granted' >r/granted.sh
issue p < <(
  request "$(rule "$attack" '"{rest}"')
$(rule /bin/sh '')
script = \"$PWD/r/granted.sh\"" "read = [\"r\"]
write = [\"w\"]"
)
for name in by_path as_granted_name relative by_steps by_link by_descriptor by_path_descriptor by_proc_descriptor \
  copy_in_tree unlinked memory_file temporary hard_link by_loader script preload tunables other_code \
  other_script code_from_input many_threads path_flipped; do
  rm -rf w && mkdir w
  out=$("$attack" $name "$PWD/r/forbidden" "$PWD/w/mark" "$PWD/w" 2>&1 </dev/null) && fail "ungoverned, $name should get through: $out"
done
rm -rf w && mkdir w
under p sh "$PWD/r/granted.sh"
expect_out granted
# One run each: a run may end at once for what it tried.
for name in by_path as_granted_name relative by_steps by_link by_descriptor by_path_descriptor by_proc_descriptor \
  copy_in_tree copy_in_tmp copy_in_shm unlinked memory_file temporary hard_link by_loader script preload \
  library_path audit tunables shell_startup shell_function nameless other_code other_script code_from_input \
  no_arguments odd_flags huge_arguments deep_directory path_flipped many_threads; do
  under p "$attack" $name "$PWD/r/forbidden" "$PWD/w/mark" "$PWD/w"
  [ ! -e w/mark ] || fail "$name: the forbidden program ran"
  case $out in *'got through: '*) fail "$name" ;; esac
  case $status in 0 | 124) ;; *) fail "$name: an odd status" ;; esac
  case $out$err in *': refused'* | *changed_during_exec* | *'(not_granted)'*) ;; *) fail "$name: no answer" ;; esac
done
verified
