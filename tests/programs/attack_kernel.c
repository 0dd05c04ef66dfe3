// Kernel interfaces that a run must not reach. Arguments are wrong on purpose: a call that answers
// anything but EPERM, ENOSYS, EACCES or the like got past the filter to look at them.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "attack.h"

static const char* reached(long result) {
  if (result >= 0) return got("it worked");
  if (errno == EPERM || errno == ENOSYS || errno == EACCES || errno == EAFNOSUPPORT) return NULL;
  return got("the kernel looked at it: %s", strerror(errno));
}
#define CALL(name, ...)                   \
  static const char* name(void) {         \
    return reached(syscall(__VA_ARGS__)); \
  }

CALL(unshare_user, SYS_unshare, CLONE_NEWUSER)
CALL(unshare_mount, SYS_unshare, CLONE_NEWNS)
CALL(unshare_net, SYS_unshare, CLONE_NEWNET)
CALL(unshare_nothing, SYS_unshare, 0)
CALL(set_namespace, SYS_setns, -1, 0)
CALL(mount_tmpfs, SYS_mount, "none", "/tmp", "tmpfs", 0, "")
CALL(unmount, SYS_umount2, "/nowhere", 0)
CALL(open_file_system, SYS_fsopen, "tmpfs", 0)
CALL(take_tree, SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */)
CALL(move_a_mount, SYS_move_mount, -1, "", -1, "", 0)
CALL(mount_attributes, SYS_mount_setattr, -1, "", 0, NULL, 0)
CALL(pick_file_system, SYS_fspick, -1, "", 0)
CALL(pivot, SYS_pivot_root, ".", ".")
CALL(change_root, SYS_chroot, "/")
CALL(bpf, SYS_bpf, 99999, NULL, 0)
CALL(performance_events, SYS_perf_event_open, NULL, -1, -1, -1, 0)
CALL(user_faults, SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */)
CALL(keys_control, SYS_keyctl, 0, -3, 0, 0, 0)
CALL(keys_add, SYS_add_key, "user", "x", "y", 1, -2)
CALL(keys_request, SYS_request_key, "user", "x", NULL, 0)
CALL(ring_setup, SYS_io_uring_setup, 4, NULL)
CALL(ring_enter, SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0)
CALL(ring_register, SYS_io_uring_register, -1, 0, NULL, 0)
CALL(handle_of, SYS_name_to_handle_at, -1, "/", NULL, NULL, 0)
CALL(open_handle, SYS_open_by_handle_at, AT_FDCWD, NULL, 0)
CALL(quota, SYS_quotactl, -1, "/dev/null", 0, NULL)
CALL(quota_fd, SYS_quotactl_fd, -1, 0, 0, NULL)
CALL(kexec, SYS_kexec_load, 0, 0, NULL, 0)
CALL(kexec_file, SYS_kexec_file_load, -1, -1, 0, "", 0)
CALL(module, SYS_init_module, NULL, 0, "")
CALL(module_file, SYS_finit_module, -1, "", 0)
CALL(module_remove, SYS_delete_module, "nothing", O_NONBLOCK)
CALL(steal_descriptor, SYS_pidfd_getfd, -1, 0, 0)
CALL(read_memory, SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0)
CALL(write_memory, SYS_process_vm_writev, 1, NULL, 0, NULL, 0, 0)
CALL(advise_memory, SYS_process_madvise, -1, NULL, 0, 0, 0)
CALL(release_memory, SYS_process_mrelease, -1, 0)
CALL(trace, SYS_ptrace, 16 /* ATTACH */, 1, 0, 0)
CALL(compare, SYS_kcmp, 1, 1, 0, 0, 0)
CALL(kernel_log, SYS_syslog, 3, NULL, 0)
CALL(restart_machine, SYS_reboot, 0, 0, 0, NULL)
CALL(swap_on, SYS_swapon, "/nowhere", 0)
CALL(set_time, SYS_settimeofday, NULL, NULL)
CALL(set_clock, SYS_clock_settime, 99, NULL)
CALL(adjust_clock, SYS_adjtimex, NULL)
CALL(name_host, SYS_sethostname, "evil", 4)
CALL(name_domain, SYS_setdomainname, "evil", 4)
CALL(ports_level, SYS_iopl, 3)
CALL(ports, SYS_ioperm, 0, 1, 1)
CALL(descriptor_table, SYS_modify_ldt, 0, NULL, 0)
CALL(accounting, SYS_acct, "/nowhere")
CALL(hang_up, SYS_vhangup)
CALL(watch_files, SYS_fanotify_init, 0, 0)
CALL(move_pages, SYS_move_pages, 1, 0, NULL, NULL, NULL, 0)
CALL(migrate, SYS_migrate_pages, 1, 0, NULL, NULL)
CALL(bind_memory, SYS_mbind, NULL, 0, 99, NULL, 0, 0)
CALL(open_how, SYS_openat2, AT_FDCWD, "/", NULL, 0)
CALL(change_mode, 452 /* fchmodat2 */, -1, "", 04755, 0)
CALL(set_attribute_at, 463 /* setxattrat */, -1, "", 0, "user.x", NULL, 0)
CALL(file_attributes, 469 /* file_setattr */, -1, "", NULL, 0, 0)
CALL(shadow_stack, 453 /* map_shadow_stack */, 0, 4096, 0)
CALL(seal_memory, 462 /* mseal */, 1, 0, 0)
CALL(mount_list, 458 /* listmount */, NULL, NULL, 0, 0)
CALL(security_modules, 461 /* lsm_list_modules */, NULL, NULL, 0)
CALL(tree_attributes, 467 /* open_tree_attr */, -1, "", 0, NULL, 0)
CALL(file_pages, SYS_remap_file_pages, 0, 0, 0, 0, 0)
CALL(old_library, SYS_uselib, "/nowhere")
CALL(old_descriptor, SYS_sysfs, 3)
CALL(memory_set, SYS_set_mempolicy, 99, NULL, 0)

static const char* new_namespaces_clone3(void) {
  unsigned long arguments[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  long pid = syscall(SYS_clone3, arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  return reached(pid);
}
static const char* cloned_with(unsigned long flags) {
  long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return reached(pid);
}
static const char* new_user(void) {
  return cloned_with(CLONE_NEWUSER);
}
static const char* new_mounts(void) {
  return cloned_with(CLONE_NEWUSER | CLONE_NEWNS);
}
static const char* new_user_high_bits(void) {
  return cloned_with(CLONE_NEWUSER | 1UL << 40);
}
static const char* shared_directory(void) {
  return cloned_with(CLONE_FS);
}

// The 32-bit entry: numbers mean other calls there (20 is getpid).
static const char* entry_i386(void) {
  long result = 20;
  __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  return result > 0 ? got("getpid answered %ld", result) : refused((int)-result);
}
// execve by that entry: would not be seen by a filter that knows one table of numbers.
static const char* exec_i386(void) {
  char* low =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return NULL;
  strcpy(low, "/nowhere/at/all");
  long result = 11;
  __asm__ volatile("int $0x80"
                   : "+a"(result)
                   : "b"((long)low), "c"(0L), "d"(0L)
                   : "memory", "r8", "r9", "r10", "r11");
  return result == -ENOENT ? got("execve looked for the file") : refused((int)-result);
}
static const char* entry_x32(void) {
  long result = syscall(0x40000000 | SYS_getpid);
  return result > 0 ? got("getpid answered %ld", result) : NULL;
}
static const char* exec_x32(void) {
  long result = syscall(0x40000000 | 520, "/nowhere/at/all", NULL, NULL);
  return result < 0 && errno == ENOENT ? got("execve looked for the file") : NULL;
}

static const char* terminal(unsigned long request, unsigned long high) {
  char c = 'x';
  int pair = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  (void)!syscall(SYS_ioctl, pair >= 0 ? pair : 0, request | high, &c);
  // EPERM and ENOSYS: refused before anybody looked at the descriptor.
  if (errno == ENOTTY || errno == EIO || errno == EINVAL || errno == EFAULT || errno == 0) {
    return got("the request reached the descriptor");
  }
  return NULL;
}
static const char* type_for_others(void) {
  return terminal(TIOCSTI, 0);
}
static const char* type_for_others_high(void) {
  return terminal(TIOCSTI, 1UL << 32);
}
static const char* type_for_others_sign(void) {
  return terminal(TIOCSTI, ~0xffffffffUL);
}
static const char* console_paste(void) {
  return terminal(TIOCLINUX, 0);
}
static const char* line_discipline(void) {
  return terminal(TIOCSETD, 0);
}

// Filters of the program's own must not weaken the run's: the newest does not win.
static long own_filter(unsigned action, unsigned long flags) {
  struct sock_filter ops[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
                              {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_unshare},
                              {BPF_RET | BPF_K, 0, 0, action},
                              {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  struct sock_fprog program = {4, ops};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}
static const char* own_allow(void) {
  if (own_filter(SECCOMP_RET_ALLOW, 0) != 0) return NULL;
  return reached(syscall(SYS_unshare, 0));
}
static const char* own_trace(void) {
  if (own_filter(SECCOMP_RET_TRACE, 0) != 0) return NULL;
  long result = syscall(SYS_unshare, 0);
  return result == 0 ? got("unshare worked") : NULL;
}
static const char* own_listener(void) {
  return own_filter(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER) >= 0
             ? got("a second listener")
             : NULL;
}
static const char* own_listener_waiting(void) {
  return own_filter(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER | 1u << 5) >= 0
             ? got("a second listener")
             : NULL;
}

static const char* can_write(const char* path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  return fd >= 0 ? got("%s is open for writing", path) : NULL;
}
static const char* core_pattern(void) {
  return can_write("/proc/sys/kernel/core_pattern");
}
static const char* sysctl_vm(void) {
  return can_write("/proc/sys/vm/overcommit_memory");
}
static const char* sysctl_users(void) {
  return can_write("/proc/sys/user/max_user_namespaces");
}
static const char* sysctl_net(void) {
  return can_write("/proc/sys/net/ipv4/ip_forward");
}
static const char* sysrq(void) {
  return can_write("/proc/sysrq-trigger");
}
static const char* oom_score(void) {
  return can_write("/proc/self/oom_score_adj");
}
static const char* uid_map(void) {
  return can_write("/proc/self/uid_map");
}
static const char* own_name(void) {
  return can_write("/proc/self/comm");
}
static const char* hotplug(void) {
  return can_write("/sys/kernel/uevent_helper");
}
static const char* control_group(void) {
  return can_write("/sys/fs/cgroup/cgroup.procs");
}
static const char* memory_device(void) {
  return can_write("/dev/mem");
}
static const char* kernel_messages(void) {
  return can_write("/dev/kmsg");
}
static const char* tunnel_device(void) {
  return can_write("/dev/net/tun");
}
static const char* virtual_machine(void) {
  return can_write("/dev/kvm");
}
static const char* file_system_device(void) {
  return can_write("/dev/fuse");
}
static const char* memory_image(void) {
  return open("/proc/kcore", O_RDONLY) >= 0 ? got("/proc/kcore is open") : NULL;
}
static const char* sets_memory_map(void) {
  return prctl(35 /* PR_SET_MM */, 1, 0, 0, 0) == 0 || errno == EINVAL ? got("PR_SET_MM") : NULL;
}
static const char* namespace_descriptor(void) {
  int fd = open("/proc/self/ns/user", O_RDONLY);
  if (fd < 0) return NULL;
  // NS_GET_PARENT: a descriptor of the governor's namespace.
  return ioctl(fd, 0xb702) >= 0 ? got("the parent user namespace") : NULL;
}

// What is granted.
static const char* waits_for_events(void) {
  struct epoll_event event = {.events = EPOLLIN};
  int many = epoll_create1(0), one = eventfd(1, 0);
  if (epoll_ctl(many, EPOLL_CTL_ADD, one, &event) != 0) return NULL;
  return epoll_wait(many, &event, 1, 5000) == 1 ? got("an event") : NULL;
}
static const char* narrows_itself(void) {
  if (own_filter(SECCOMP_RET_ERRNO | 42, 0) != 0) return NULL;
  return syscall(SYS_unshare, 0) != 0 && errno == 42 ? got("its own filter answers") : NULL;
}
static const char* asks_for_time_and_chance(void) {
  struct timespec now;
  unsigned char bytes[16];
  return clock_gettime(CLOCK_BOOTTIME, &now) == 0 && getrandom(bytes, sizeof bytes, 0) == 16
             ? got("time and random bytes")
             : NULL;
}

#define ONE(name) \
  { #name, name }
int main(int argc, char** argv) {
  static const struct attack list[] = {ONE(unshare_user),
                                       ONE(unshare_mount),
                                       ONE(unshare_net),
                                       ONE(unshare_nothing),
                                       ONE(set_namespace),
                                       ONE(mount_tmpfs),
                                       ONE(unmount),
                                       ONE(open_file_system),
                                       ONE(take_tree),
                                       ONE(move_a_mount),
                                       ONE(mount_attributes),
                                       ONE(pick_file_system),
                                       ONE(pivot),
                                       ONE(change_root),
                                       ONE(bpf),
                                       ONE(performance_events),
                                       ONE(user_faults),
                                       ONE(keys_control),
                                       ONE(keys_add),
                                       ONE(keys_request),
                                       ONE(ring_setup),
                                       ONE(ring_enter),
                                       ONE(ring_register),
                                       ONE(handle_of),
                                       ONE(open_handle),
                                       ONE(quota),
                                       ONE(quota_fd),
                                       ONE(kexec),
                                       ONE(kexec_file),
                                       ONE(module),
                                       ONE(module_file),
                                       ONE(module_remove),
                                       ONE(steal_descriptor),
                                       ONE(read_memory),
                                       ONE(write_memory),
                                       ONE(advise_memory),
                                       ONE(release_memory),
                                       ONE(trace),
                                       ONE(compare),
                                       ONE(kernel_log),
                                       ONE(restart_machine),
                                       ONE(swap_on),
                                       ONE(set_time),
                                       ONE(set_clock),
                                       ONE(adjust_clock),
                                       ONE(name_host),
                                       ONE(name_domain),
                                       ONE(ports_level),
                                       ONE(ports),
                                       ONE(descriptor_table),
                                       ONE(accounting),
                                       ONE(hang_up),
                                       ONE(watch_files),
                                       ONE(move_pages),
                                       ONE(migrate),
                                       ONE(bind_memory),
                                       ONE(open_how),
                                       ONE(change_mode),
                                       ONE(set_attribute_at),
                                       ONE(file_attributes),
                                       ONE(shadow_stack),
                                       ONE(seal_memory),
                                       ONE(mount_list),
                                       ONE(security_modules),
                                       ONE(tree_attributes),
                                       ONE(file_pages),
                                       ONE(old_library),
                                       ONE(old_descriptor),
                                       ONE(memory_set),
                                       ONE(new_namespaces_clone3),
                                       ONE(new_user),
                                       ONE(new_mounts),
                                       ONE(new_user_high_bits),
                                       ONE(shared_directory),
                                       ONE(entry_i386),
                                       ONE(exec_i386),
                                       ONE(entry_x32),
                                       ONE(exec_x32),
                                       ONE(type_for_others),
                                       ONE(type_for_others_high),
                                       ONE(type_for_others_sign),
                                       ONE(console_paste),
                                       ONE(line_discipline),
                                       ONE(own_allow),
                                       ONE(own_trace),
                                       ONE(own_listener),
                                       ONE(own_listener_waiting),
                                       ONE(core_pattern),
                                       ONE(sysctl_vm),
                                       ONE(sysctl_users),
                                       ONE(sysctl_net),
                                       ONE(sysrq),
                                       ONE(oom_score),
                                       ONE(uid_map),
                                       ONE(own_name),
                                       ONE(hotplug),
                                       ONE(control_group),
                                       ONE(memory_device),
                                       ONE(kernel_messages),
                                       ONE(tunnel_device),
                                       ONE(virtual_machine),
                                       ONE(file_system_device),
                                       ONE(memory_image),
                                       ONE(sets_memory_map),
                                       ONE(namespace_descriptor),
                                       {NULL, NULL}};
  static const struct attack acts[] = {
      ONE(waits_for_events), ONE(narrows_itself), ONE(asks_for_time_and_chance), {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
