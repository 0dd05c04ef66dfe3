# Files: read trees stay as they are in every respect, nothing outside the grant is reached by any
# name, nothing with power over others is left in a write tree, the run's own space is bounded.
attack=$PROGRAMS/attack_files
make_trees() {
  rm -rf r w
  mkdir r w
  echo content >r/file
  chmod 640 r/file
  echo own >w/own
}
make_trees
echo secret >outside
init
works_outside "$attack" 'read_open read_create read_temporary read_mode read_mode_fd read_times read_times_fd
  read_reopen read_reopen_path read_lease read_notify outside outside_by_steps
  outside_by_descriptor outside_by_link outside_by_proc outside_by_moving set_uid set_uid_fd set_uid_at
  set_uid_at2_fd set_uid_open set_uid_open_high set_uid_creat set_uid_openat2 set_uid_node set_gid_file
  set_gid_directory set_uid_temporary way_is_sealed read_hard_link read_exchange' "$PWD/r" "$PWD/w" "$PWD/outside"
[ -n "$(find w -perm /6000)" ] || fail "positive control: set-id files are found"
rm -rf w.new
make_trees
look() { stat -c '%a %u %g %s %Y %Z %h %i' r r/file && sha256sum r/file && getfattr -d r/file 2>/dev/null; }
before=$(look)
issue p < <(request "$(rule "$attack" '"{rest}"')" 'read = ["r"]
write = ["w"]')
attacks p "$attack" "$PWD/r" "$PWD/w" "$PWD/outside"
[ "$(look)" = "$before" ] || fail "the read tree changed: $(look), before: $before"
[ -z "$(find w r -perm /6000)" ] || fail "set-id files were left: $(find w r -perm /6000)"
[ -z "$(find w -type c -o -type b)" ] || fail "device nodes were left"
[ ! -e w/linked ] && [ ! -e w/taken ] || fail "a file crossed from the read tree"
verified
