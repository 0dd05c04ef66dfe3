# Write xor execute: a program brings code of its own into memory by every way known, and reaches
# for the memory of its siblings. The same program does it all where nothing governs it.
family=memory
attack=$PROGRAMS/attack_memory
controls='write_and_execute write_then_execute pkey execute_then_write shared_with_child
  shared_twice memory_file dev_zero file_twice file_private file_private_later system_v system_v_later
  implied_by_personality implied_with_high_bits on_the_stack rewrite_text rewrite_text_in_turns own_mem
  own_thread_mem siblings_mem process_vm traced trace_me'
arguments=("$PWD/w" /tmp /dev/shm)
prepare() {
  mkdir -p w
  grant '' w
}
fresh() { rm -f w/* "/tmp/code".* "/dev/shm/code".* 2>/dev/null; }
escape
# With the feature that lifts it, it is lifted: what is refused above is the rule's doing.
{
  printf 'subject = "agent/test"\naudience = ["default"]\nttl = "1h"\nfeatures = ["jit"]\n%s\n' "$(rule "$attack" '"{rest}"')"
  printf '[limits]\nwall = "1m"\ntasks = 32\n'
} | issue jit
for name in write_then_execute shared_with_child; do
  under jit "$attack" $name /tmp
  expect_out 'got through: code of its own ran'
done
