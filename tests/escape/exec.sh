# Programs, scripts, arguments and environments that no rule names, by every way to name or make
# one. What must not run would leave a mark; whether it did is seen from outside.
family=exec
attack=$PROGRAMS/attack_exec
controls='by_path as_granted_name relative by_steps by_link by_descriptor by_path_descriptor by_proc_descriptor
  copy_in_tree unlinked memory_file temporary hard_link by_loader script preload tunables other_code
  other_script code_from_input path_flipped link_flipped directory_flipped descriptor_flipped shared_directory
  from_thread vfork_child many_threads'
# One run each, since a run may end at once for what it tried; these have no control: nothing is left of them
# where nothing governs them, or only an answer is asked for, and no hang.
batch=no
apart='copy_in_tmp copy_in_shm library_path audit shell_startup shell_function nameless no_arguments
  odd_flags huge_arguments deep_directory'
arguments=("$PWD/r/forbidden" "$PWD/w/mark" "$PWD/w" "$PWD/r/granted.sh")
prepare() {
  mkdir r w
  cp "$PROGRAMS/mark" r/forbidden
  echo 'echo granted' >r/granted.sh
  grant r w "$(rule /bin/sh '')
script = \"$PWD/r/granted.sh\""
}
fresh() {
  rm -rf w
  mkdir w
}
harmed() { [ -e w/mark ] && echo 'the forbidden program ran'; }
escape
