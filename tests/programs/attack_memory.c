// Code that enters memory without a file: written, then executed. ARGS: directories to write in.
// Each attack brings a function of its own into memory and calls it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "attack.h"

static const unsigned char kCode[] = {0xb8, 0x2a, 0x00, 0x00, 0x00, 0xc3};  // return 42
enum { kPage = 4096 };

static const char* call(void* at) {
  int (*function)(void) = (int (*)(void))at;
  return function() == 42 ? got("code of its own ran") : NULL;
}
static void* map(int protection, int flags, int fd) {
  return mmap(NULL, kPage, protection, flags, fd, 0);
}

static const char* write_and_execute(void) {
  void* at = map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (at == MAP_FAILED) return NULL;
  memcpy(at, kCode, sizeof kCode);
  return call(at);
}
static const char* write_then_execute(void) {
  void* at = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  memcpy(at, kCode, sizeof kCode);
  if (mprotect(at, kPage, PROT_READ | PROT_EXEC) != 0) return NULL;
  return call(at);
}
static const char* pkey(void) {
  void* at = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  memcpy(at, kCode, sizeof kCode);
  if (syscall(SYS_pkey_mprotect, at, kPage, PROT_READ | PROT_EXEC, -1) != 0) return NULL;
  return call(at);
}
static const char* execute_then_write(void) {
  void* at = map(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (at == MAP_FAILED || mprotect(at, kPage, PROT_READ | PROT_WRITE) != 0) return NULL;
  memcpy(at, kCode, sizeof kCode);
  if (mprotect(at, kPage, PROT_READ | PROT_EXEC) != 0) return NULL;
  return call(at);
}
// One object, mapped executable here and made writable by a child: no mapping is ever both, and
// none becomes executable.
static const char* shared_with_child(void) {
  void* at = map(PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1);
  if (at == MAP_FAILED) return NULL;
  pid_t pid = fork();
  if (pid == 0) {
    if (mprotect(at, kPage, PROT_READ | PROT_WRITE) != 0) _exit(errno);
    memcpy(at, kCode, sizeof kCode);
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0) return refused(WEXITSTATUS(status));
  return call(at);
}
// The same with a second mapping of the object in one process.
static const char* shared_twice(void) {
  void* at = map(PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1);
  if (at == MAP_FAILED) return NULL;
  void* second = mremap(at, 0, kPage, MREMAP_MAYMOVE);
  if (second == MAP_FAILED || mprotect(second, kPage, PROT_READ | PROT_WRITE) != 0) return NULL;
  memcpy(second, kCode, sizeof kCode);
  return call(at);
}
static const char* two_mappings(int fd) {
  if (fd < 0 || ftruncate(fd, kPage) != 0) return NULL;
  void* out = map(PROT_READ | PROT_WRITE, MAP_SHARED, fd);
  void* in = map(PROT_READ | PROT_EXEC, MAP_SHARED, fd);
  if (out == MAP_FAILED || in == MAP_FAILED) return NULL;
  memcpy(out, kCode, sizeof kCode);
  return call(in);
}
static const char* memory_file(void) {
  return two_mappings((int)syscall(SYS_memfd_create, "x", 0));
}
static const char* memory_file_sealed(void) {
  return two_mappings((int)syscall(SYS_memfd_create, "x", 8 /* MFD_NOEXEC_SEAL */));
}
static const char* memory_secret(void) {
  return two_mappings((int)syscall(SYS_memfd_secret, 0));
}
static const char* dev_zero(void) {
  int fd = open("/dev/zero", O_RDWR);
  if (fd < 0) return NULL;
  void* at = map(PROT_READ | PROT_EXEC, MAP_SHARED, fd);
  if (at == MAP_FAILED) return NULL;
  void* second = mremap(at, 0, kPage, MREMAP_MAYMOVE);
  if (second == MAP_FAILED || mprotect(second, kPage, PROT_READ | PROT_WRITE) != 0) return NULL;
  memcpy(second, kCode, sizeof kCode);
  return call(at);
}
static int file_in(const char* directory) {
  char path[4096];
  snprintf(path, sizeof path, "%s/code.%d", directory, (int)getpid());
  return open(path, O_RDWR | O_CREAT | O_TRUNC, 0700);
}
static const char* file_twice(void) {
  const char* done = NULL;
  errno = EACCES;
  for (char** one = attack_args; *one != NULL && done == NULL; ++one) {
    done = two_mappings(file_in(*one));
  }
  return done;
}
static const char* file_private(void) {
  for (char** one = attack_args; *one != NULL; ++one) {
    int fd = file_in(*one);
    if (fd < 0 || write(fd, kCode, sizeof kCode) != sizeof kCode) continue;
    void* at = map(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
    if (at != MAP_FAILED) return call(at);
  }
  return NULL;
}
static const char* file_private_later(void) {
  for (char** one = attack_args; *one != NULL; ++one) {
    int fd = file_in(*one);
    if (fd < 0 || write(fd, kCode, sizeof kCode) != sizeof kCode) continue;
    void* at = map(PROT_READ, MAP_PRIVATE, fd);
    if (at != MAP_FAILED && mprotect(at, kPage, PROT_READ | PROT_EXEC) == 0) return call(at);
  }
  return NULL;
}
static const char* system_v(void) {
  int id = shmget(IPC_PRIVATE, kPage, IPC_CREAT | 0700);
  void* out = shmat(id, NULL, 0);
  void* in = shmat(id, NULL, SHM_RDONLY | SHM_EXEC);
  int error = errno;
  shmctl(id, IPC_RMID, NULL);
  if (out == (void*)-1 || in == (void*)-1) return refused(error);
  memcpy(out, kCode, sizeof kCode);
  return call(in);
}
static const char* system_v_later(void) {
  int id = shmget(IPC_PRIVATE, kPage, IPC_CREAT | 0700);
  void* at = shmat(id, NULL, 0);
  shmctl(id, IPC_RMID, NULL);
  if (at == (void*)-1) return NULL;
  memcpy(at, kCode, sizeof kCode);
  if (mprotect(at, kPage, PROT_READ | PROT_EXEC) != 0) return NULL;
  return call(at);
}
static const char* implied_by_personality(void) {
  if (personality(READ_IMPLIES_EXEC) == -1) return NULL;
  void* at = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  memcpy(at, kCode, sizeof kCode);
  return call(at);
}
// The kernel looks at the low 32 bits of a personality.
static const char* implied_with_high_bits(void) {
  if (syscall(SYS_personality, 0x100000000UL | READ_IMPLIES_EXEC) == -1) return NULL;
  void* at = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  memcpy(at, kCode, sizeof kCode);
  return call(at);
}
static const char* on_the_stack(void) {
  unsigned char code[64];
  memcpy(code, kCode, sizeof kCode);
  unsigned long page = (unsigned long)code & ~(unsigned long)(kPage - 1);
  if (mprotect((void*)page, kPage, PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN) != 0 &&
      mprotect((void*)page, kPage, PROT_READ | PROT_EXEC) != 0) {
    return NULL;
  }
  return call(code);
}
__attribute__((noinline, aligned(4096))) static int victim(void) {
  __asm__ volatile(".skip 4096, 0x90");
  return 7;
}
static void* victim_page(void) {
  return (void*)((unsigned long)&victim & ~(unsigned long)(kPage - 1));
}
static const char* rewrite_text(void) {
  if (mprotect(victim_page(), kPage, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) return NULL;
  memcpy((void*)&victim, kCode, sizeof kCode);
  return call((void*)&victim);
}
static const char* rewrite_text_in_turns(void) {
  if (mprotect(victim_page(), kPage, PROT_READ | PROT_WRITE) != 0) return NULL;
  memcpy((void*)&victim, kCode, sizeof kCode);
  if (mprotect(victim_page(), kPage, PROT_READ | PROT_EXEC) != 0) return NULL;
  return call((void*)&victim);
}
static const char* through_mem(const char* file, pid_t target) {
  char path[64];
  snprintf(path, sizeof path, file, (int)target);
  int fd = open(path, O_RDWR);
  if (fd < 0) return NULL;
  if (pwrite(fd, kCode, sizeof kCode, (off_t)(unsigned long)&victim) != sizeof kCode) return NULL;
  return got("the memory of a process was written");
}
static const char* own_mem(void) {
  const char* done = through_mem("/proc/self/mem", 0);
  return done != NULL ? call((void*)&victim) : NULL;
}
static const char* own_thread_mem(void) {
  return through_mem("/proc/thread-self/mem", 0);
}
static pid_t sibling(void) {
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  return pid;
}
static const char* siblings_mem(void) {
  pid_t pid = sibling();
  const char* done = through_mem("/proc/%d/mem", pid);
  int error = errno;
  kill(pid, SIGKILL);
  errno = error;
  return done;
}
static const char* process_vm(void) {
  pid_t pid = sibling();
  static char target[16];
  struct iovec from = {(void*)kCode, sizeof kCode}, to = {target, sizeof kCode};
  ssize_t done = process_vm_writev(pid, &from, 1, &to, 1, 0);
  int error = errno;
  kill(pid, SIGKILL);
  errno = error;
  return done > 0 ? got("process_vm_writev wrote") : NULL;
}
static const char* traced(void) {
  pid_t pid = sibling();
  long done = ptrace(PTRACE_SEIZE, pid, NULL, NULL);
  int error = errno;
  kill(pid, SIGKILL);
  errno = error;
  return done == 0 ? got("a process is traced") : NULL;
}
static const char* trace_me(void) {
  return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? got("traced by its parent") : NULL;
}

// What is granted: memory to write, shared with others, of files.
static const char* shares(void) {
  char* at = map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
  if (at == MAP_FAILED) return NULL;
  pid_t pid = fork();
  if (pid == 0) {
    at[0] = 'x';
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  return at[0] == 'x' ? got("a child wrote in it") : NULL;
}
static const char* shares_segment(void) {
  int id = shmget(IPC_PRIVATE, kPage, IPC_CREAT | 0700);
  char* at = shmat(id, NULL, 0);
  shmctl(id, IPC_RMID, NULL);
  if (at == (void*)-1) return NULL;
  at[0] = 'x';
  return got("written");
}
static const char* maps_file(void) {
  int fd = file_in(attack_args[0]);
  if (fd < 0 || ftruncate(fd, kPage) != 0) return NULL;
  char* at = map(PROT_READ | PROT_WRITE, MAP_SHARED, fd);
  if (at == MAP_FAILED) return NULL;
  at[0] = 'x';
  return munmap(at, kPage) == 0 ? got("written") : NULL;
}

int main(int argc, char** argv) {
  static const struct attack list[] = {{"write_and_execute", write_and_execute},
                                       {"write_then_execute", write_then_execute},
                                       {"pkey", pkey},
                                       {"execute_then_write", execute_then_write},
                                       {"shared_with_child", shared_with_child},
                                       {"shared_twice", shared_twice},
                                       {"memory_file", memory_file},
                                       {"memory_file_sealed", memory_file_sealed},
                                       {"memory_secret", memory_secret},
                                       {"dev_zero", dev_zero},
                                       {"file_twice", file_twice},
                                       {"file_private", file_private},
                                       {"file_private_later", file_private_later},
                                       {"system_v", system_v},
                                       {"system_v_later", system_v_later},
                                       {"implied_by_personality", implied_by_personality},
                                       {"implied_with_high_bits", implied_with_high_bits},
                                       {"on_the_stack", on_the_stack},
                                       {"rewrite_text", rewrite_text},
                                       {"rewrite_text_in_turns", rewrite_text_in_turns},
                                       {"own_mem", own_mem},
                                       {"own_thread_mem", own_thread_mem},
                                       {"siblings_mem", siblings_mem},
                                       {"process_vm", process_vm},
                                       {"traced", traced},
                                       {"trace_me", trace_me},
                                       {NULL, NULL}};
  static const struct attack acts[] = {{"shares", shares},
                                       {"shares_segment", shares_segment},
                                       {"maps_file", maps_file},
                                       {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
