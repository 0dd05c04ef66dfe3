// Files outside the grant, changes to what may only be read, and what must not be left in a write
// tree. ARGS: READ-TREE WRITE-TREE OUTSIDE-FILE; in the read tree lies `file`.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "attack.h"

static char* in(int tree, const char* name) {
  static char path[4][4096];
  static int next;
  char* at = path[next++ % 4];
  snprintf(at, sizeof path[0], "%s/%s", attack_args[tree], name);
  return at;
}
#define R(name) in(0, name)
#define W(name) in(1, name)
static const char* yes(long result) {
  return result >= 0 ? got("it worked") : NULL;
}

#define TRIES(name, expression)   \
  static const char* name(void) { \
    return yes(expression);       \
  }
// A read tree stays as it is.
TRIES(read_open, open(R("file"), O_WRONLY))
TRIES(read_append, open(R("file"), O_WRONLY | O_APPEND))
TRIES(read_truncate, truncate(R("file"), 0))
TRIES(read_open_truncate, open(R("file"), O_RDONLY | O_TRUNC))
TRIES(read_create, open(R("new"), O_WRONLY | O_CREAT, 0644))
TRIES(read_temporary, open(R("."), O_TMPFILE | O_RDWR, 0644))
TRIES(read_directory, mkdir(R("new"), 0755))
TRIES(read_link, symlink("file", R("new")))
TRIES(read_node, mknod(R("new"), S_IFIFO | 0600, 0))
TRIES(read_remove, unlink(R("file")))
TRIES(read_rename, rename(R("file"), R("other")))
TRIES(read_take, rename(R("file"), W("taken")))
TRIES(read_put, rename(W("own"), R("new")))
TRIES(read_exchange,
      syscall(SYS_renameat2, AT_FDCWD, R("file"), AT_FDCWD, W("own"), RENAME_EXCHANGE))
TRIES(read_hard_link, link(R("file"), W("linked")))
TRIES(read_hard_link_followed,
      linkat(AT_FDCWD, "/proc/self/fd/0", AT_FDCWD, W("linked"), AT_SYMLINK_FOLLOW))
TRIES(read_mode, chmod(R("file"), 0777))
TRIES(read_mode_fd, fchmod(open(R("file"), O_RDONLY), 0777))
TRIES(read_owner, chown(R("file"), getuid(), getgid()))
TRIES(read_owner_fd, fchown(open(R("file"), O_RDONLY), getuid(), getgid()))
TRIES(read_times, utimes(R("file"), NULL))
TRIES(read_times_fd, futimens(open(R("file"), O_RDONLY), NULL))
TRIES(read_attribute, setxattr(R("file"), "user.x", "1", 1, 0))
TRIES(read_attribute_fd, fsetxattr(open(R("file"), O_RDONLY), "user.x", "1", 1, 0))
TRIES(read_reopen, open(got("/proc/self/fd/%d", open(R("file"), O_RDONLY)), O_RDWR))
TRIES(read_reopen_path, open(got("/proc/self/fd/%d", open(R("file"), O_PATH)), O_RDWR))
TRIES(read_allocate, fallocate(open(R("file"), O_RDWR), 0, 0, 4096))
TRIES(read_lease, fcntl(open(R("file"), O_RDONLY), F_SETLEASE, F_RDLCK))
TRIES(read_notify, fcntl(open(R("."), O_RDONLY), 1026 /* F_NOTIFY */, 2))
TRIES(read_write_lock,
      fcntl(open(R("file"), O_RDONLY), F_SETLK, (&(struct flock){.l_type = F_WRLCK})))
static const char* read_flags(void) {
  int flags = 0x10;
  return yes(ioctl(open(R("file"), O_RDONLY), FS_IOC_SETFLAGS, &flags));
}
static const char* read_clone(void) {
  return yes(ioctl(open(R("file"), O_RDONLY), FICLONE, open(W("own"), O_RDONLY)));
}
static const char* read_mapped(void) {
  void* at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open(R("file"), O_RDONLY), 0);
  return at == MAP_FAILED ? NULL : got("mapped for writing");
}
static const char* read_mapped_later(void) {
  void* at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(R("file"), O_RDONLY), 0);
  return mprotect(at, 4096, PROT_READ | PROT_WRITE) == 0 ? got("mapped for writing") : NULL;
}

// What was not granted does not exist.
static const char* tells(int fd) {
  char text[100];
  ssize_t size = fd >= 0 ? read(fd, text, sizeof text) : -1;
  return size >= 0 ? got("read: %.*s", (int)size, text) : NULL;
}
static const char* opens(const char* path) {
  return tells(open(path, O_RDONLY));
}
static const char* outside(void) {
  return opens(attack_args[2]);
}
static const char* outside_by_steps(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s/../../../../../../../../../..%s", attack_args[1], attack_args[2]);
  return opens(path);
}
static const char* outside_by_descriptor(void) {
  int fd = open(attack_args[1], O_PATH | O_DIRECTORY);
  char path[4096];
  snprintf(path, sizeof path, "../../../../../../../../../..%s", attack_args[2]);
  return tells(openat(fd, path, O_RDONLY));
}
static const char* outside_by_link(void) {
  unlink(W("out"));
  if (symlink(attack_args[2], W("out")) != 0) return NULL;
  return opens(W("out"));
}
static const char* outside_by_proc(void) {
  char path[4096];
  const char* ways[] = {"/proc/self/root",        "/proc/1/root",
                        "/proc/2/root",           "/proc/self/cwd/../../../../..",
                        "/proc/thread-self/root", "/proc/self/task/../root"};
  for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; ++i) {
    snprintf(path, sizeof path, "%s%s", ways[i], attack_args[2]);
    const char* done = opens(path);
    if (done != NULL) return done;
  }
  return NULL;
}
// A directory moved while somebody stands in it: ".." must not lead past the tree.
static const char* outside_by_moving(void) {
  mkdir(W("a"), 0755), mkdir(W("a/b"), 0755), mkdir(W("a/b/c"), 0755);
  int fd = open(W("a/b/c"), O_RDONLY | O_DIRECTORY);
  if (rename(W("a/b/c"), W("c")) != 0) return NULL;
  char path[4096];
  snprintf(path, sizeof path, "../../../../../../../../../../..%s", attack_args[2]);
  const char* done = tells(openat(fd, path, O_RDONLY));
  rmdir(W("c"));
  return done;
}
// By a ring that the kernel empties, with no system call of that name: io_uring.
static const char* outside_by_ring(void) {
  struct io_uring_params how = {0};
  int ring = (int)syscall(SYS_io_uring_setup, 2, &how);
  if (ring < 0) return NULL;
  char* queue = mmap(NULL, how.sq_off.array + 64, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
  char* answers = mmap(NULL, how.cq_off.cqes + 64, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
                       IORING_OFF_CQ_RING);
  struct io_uring_sqe* entry =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
  if (queue == MAP_FAILED || answers == MAP_FAILED || entry == MAP_FAILED) return NULL;
  *entry = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
                                 .fd = AT_FDCWD,
                                 .addr = (unsigned long)attack_args[2],
                                 .open_flags = O_RDONLY};
  *(unsigned*)(queue + how.sq_off.array) = 0;
  __atomic_store_n((unsigned*)(queue + how.sq_off.tail), 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) return NULL;
  int fd = ((struct io_uring_cqe*)(answers + how.cq_off.cqes))->res;
  return fd >= 0 ? tells(fd) : refused(-fd);
}
static const char* own_key(void) {
  return opens(attack_args[3]);
}
static const char* own_key_by_link(void) {
  unlink(W("out"));
  return symlink(attack_args[3], W("out")) == 0 ? opens(W("out")) : NULL;
}
static const char* own_key_by_proc(void) {
  return opens(got("/proc/self/root%s", attack_args[3]));
}
static const char* own_key_linked(void) {
  return link(attack_args[3], W("linked")) == 0 ? opens(W("linked")) : NULL;
}
static const char* own_ledger(void) {
  return yes(open(attack_args[4], O_WRONLY | O_CREAT, 0644));
}
static int input_is_file(void) {
  struct stat info;
  return fstat(0, &info) == 0 && S_ISREG(info.st_mode);
}
static const char* input_reopened(void) {
  if (!input_is_file()) return refused(EPERM);
  return yes(open("/proc/self/fd/0", O_WRONLY | O_TRUNC));
}
static const char* input_mode(void) {
  return input_is_file() ? yes(fchmod(0, 0777)) : refused(EPERM);
}
static const char* input_mapped(void) {
  int fd = open("/dev/stdin", O_RDWR);
  void* at = mmap(NULL, 7, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return NULL;
  memcpy(at, "changed", 7);
  return got("mapped and changed");
}
static const char* passwords(void) {
  return opens("/etc/shadow");
}
static const char* root_is_sealed(void) {
  return yes(mkdir("/new", 0755));
}
static const char* way_is_sealed(void) {
  char path[4096];
  snprintf(path, sizeof path, "%s.new", attack_args[1]);
  return yes(mkdir(path, 0755));
}
static const char* tree_renamed(void) {
  return yes(rename(attack_args[1], W("../elsewhere")));
}

// Left in a write tree, judged from outside as well.
TRIES(set_uid, (close(open(W("s1"), O_CREAT | O_WRONLY, 0755)), chmod(W("s1"), 04755)))
TRIES(set_uid_fd, fchmod(open(W("s2"), O_CREAT | O_WRONLY, 0755), 04755))
TRIES(set_uid_at,
      (close(open(W("s3"), O_CREAT | O_WRONLY, 0755)), fchmodat(AT_FDCWD, W("s3"), 06755, 0)))
TRIES(set_uid_at2,
      (close(open(W("s4"), O_CREAT | O_WRONLY, 0755)), syscall(452, AT_FDCWD, W("s4"), 04755, 0)))
TRIES(set_uid_at2_fd,
      syscall(452, open(W("s5"), O_CREAT | O_WRONLY, 0755), "", 04755, AT_EMPTY_PATH))
TRIES(set_uid_open, open(W("s6"), O_CREAT | O_WRONLY, 04755))
TRIES(set_uid_open_high, syscall(SYS_open, W("s7"), O_CREAT | O_WRONLY, 04755UL | 1UL << 40))
TRIES(set_uid_creat, creat(W("s8"), 06755))
TRIES(set_uid_openat2, syscall(SYS_openat2, AT_FDCWD, W("s9"),
                               ((unsigned long[]){O_CREAT | O_WRONLY, 04755, 0}), 24))
TRIES(set_uid_node, mknod(W("s10"), S_IFREG | 04755, 0))
TRIES(set_gid_file, (close(open(W("s11"), O_CREAT | O_WRONLY, 0755)), chmod(W("s11"), 02755)))
TRIES(set_gid_directory, (mkdir(W("s12"), 0755), chmod(W("s12"), 02755)))
static const char* set_gid_mkdir(void) {
  struct stat info;
  umask(0);
  mkdir(W("s13"), 06777);
  return stat(W("s13"), &info) == 0 && (info.st_mode & 06000) != 0 ? got("mode %o", info.st_mode)
                                                                   : refused(EPERM);
}
static const char* set_uid_temporary(void) {
  int fd = open(W("."), O_TMPFILE | O_RDWR, 04755);
  if (fd < 0) return NULL;
  return yes(linkat(AT_FDCWD, got("/proc/self/fd/%d", fd), AT_FDCWD, W("s14"), AT_SYMLINK_FOLLOW));
}
static const char* set_uid_access_list(void) {
  close(open(W("s15"), O_CREAT | O_WRONLY, 0755));
  const unsigned char list[] = {2, 0, 0, 0};
  struct stat info;
  (void)setxattr(W("s15"), "system.posix_acl_access", list, sizeof list, 0);
  return stat(W("s15"), &info) == 0 && (info.st_mode & 06000) != 0 ? got("mode %o", info.st_mode)
                                                                   : refused(EPERM);
}
static const char* capability(void) {
  close(open(W("s16"), O_CREAT | O_WRONLY, 0755));
  const unsigned char value[20] = {0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff};
  return yes(setxattr(W("s16"), "security.capability", value, sizeof value, 0));
}
static const char* trusted(void) {
  close(open(W("s17"), O_CREAT | O_WRONLY, 0755));
  return yes(setxattr(W("s17"), "trusted.overlay.opaque", "y", 1, 0));
}
TRIES(device_character, mknod(W("d1"), S_IFCHR | 0666, (1 << 8) | 1))
TRIES(device_block, mknod(W("d2"), S_IFBLK | 0666, 8 << 8))
TRIES(device_none, mknod(W("d3"), S_IFCHR | 0666, 0))
static const char* immutable(void) {
  int flags = 0x10 /* FS_IMMUTABLE_FL */;
  return yes(ioctl(open(W("d4"), O_CREAT | O_RDONLY, 0644), FS_IOC_SETFLAGS, &flags));
}
TRIES(another_owner, (close(open(W("d5"), O_CREAT | O_WRONLY, 0755)), chown(W("d5"), 0, 0)))

// Space that is not the host's memory without end.
static const char* fills(const char* directory, long most) {
  static char block[1 << 20];
  char path[256];
  long total = 0;
  memset(block, 1, sizeof block);
  for (int i = 0; i < 64; ++i) {
    snprintf(path, sizeof path, "%s/fill.%d", directory, i);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    if (fd < 0) break;
    for (;;) {
      ssize_t size = write(fd, block, sizeof block);
      if (size <= 0) break;
      total += size;
      if (total > most) return got("%ld bytes in %s", total, directory);
    }
    if (errno == ENOSPC) break;
  }
  int error = errno;
  for (int i = 0; i < 64; ++i) {
    snprintf(path, sizeof path, "%s/fill.%d", directory, i);
    unlink(path);
  }
  return refused(error);
}
static const char* fill_shared_memory(void) {
  return fills("/dev/shm", 80L << 20);
}
static const char* fill_nodes(void) {
  char path[64];
  for (int i = 0; i < 200000; ++i) {
    snprintf(path, sizeof path, "/dev/shm/n%d", i);
    if (mknod(path, S_IFREG | 0600, 0) != 0) {
      int error = errno;
      while (--i >= 0) snprintf(path, sizeof path, "/dev/shm/n%d", i), unlink(path);
      return refused(error);
    }
  }
  return got("200000 files");
}

// What is granted.
static const char* reads(void) {
  return opens(R("file"));
}
static const char* writes(void) {
  int fd = open(W("new"), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0 || write(fd, "abc", 3) != 3 || ftruncate(fd, 2) != 0 || fsync(fd) != 0) return NULL;
  return lseek(fd, 0, SEEK_END) == 2 ? got("made and written") : NULL;
}
static const char* maps(void) {
  int fd = open(W("own"), O_RDWR);
  char* at = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return NULL;
  at[0] = 'O';
  return msync(at, 4, MS_SYNC) == 0 ? got("mapped for writing") : NULL;
}
static const char* arranges(void) {
  int made = mkdir(W("x"), 0755) == 0 && rename(W("own"), W("x/moved")) == 0;
  int linked = made && link(W("x/moved"), W("hard")) == 0 && symlink("x/moved", W("soft")) == 0;
  int gone = linked && unlink(W("hard")) == 0 && unlink(W("soft")) == 0;
  return gone && rename(W("x/moved"), W("own")) == 0 && rmdir(W("x")) == 0
             ? got("moved, linked, removed")
             : NULL;
}
static const char* marks(void) {
  int fd = open(W("own"), O_RDWR);
  if (fchmod(fd, 0600) != 0 || futimens(fd, NULL) != 0) return NULL;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) return NULL;
  return fcntl(fd, F_SETLK, (&(struct flock){.l_type = F_WRLCK})) == 0 ? got("mode, times, locks")
                                                                       : NULL;
}
static const char* temporary(void) {
  return yes(open("/tmp", O_TMPFILE | O_RDWR, 0600));
}

#define ONE(name) \
  { #name, name }
int main(int argc, char** argv) {
  if (argc < 7) return 2;
  static const struct attack list[] = {ONE(read_open),
                                       ONE(read_append),
                                       ONE(read_truncate),
                                       ONE(read_open_truncate),
                                       ONE(read_create),
                                       ONE(read_temporary),
                                       ONE(read_directory),
                                       ONE(read_link),
                                       ONE(read_node),
                                       ONE(read_remove),
                                       ONE(read_rename),
                                       ONE(read_take),
                                       ONE(read_put),
                                       ONE(read_exchange),
                                       ONE(read_hard_link),
                                       ONE(read_hard_link_followed),
                                       ONE(read_mode),
                                       ONE(read_mode_fd),
                                       ONE(read_owner),
                                       ONE(read_owner_fd),
                                       ONE(read_times),
                                       ONE(read_times_fd),
                                       ONE(read_attribute),
                                       ONE(read_attribute_fd),
                                       ONE(read_reopen),
                                       ONE(read_reopen_path),
                                       ONE(read_allocate),
                                       ONE(read_lease),
                                       ONE(read_notify),
                                       ONE(read_write_lock),
                                       ONE(read_flags),
                                       ONE(read_clone),
                                       ONE(read_mapped),
                                       ONE(read_mapped_later),
                                       ONE(outside),
                                       ONE(outside_by_steps),
                                       ONE(outside_by_descriptor),
                                       ONE(outside_by_link),
                                       ONE(outside_by_proc),
                                       ONE(outside_by_moving),
                                       ONE(outside_by_ring),
                                       ONE(own_key),
                                       ONE(own_key_by_link),
                                       ONE(own_key_by_proc),
                                       ONE(own_key_linked),
                                       ONE(own_ledger),
                                       ONE(input_reopened),
                                       ONE(input_mode),
                                       ONE(input_mapped),
                                       ONE(passwords),
                                       ONE(root_is_sealed),
                                       ONE(way_is_sealed),
                                       ONE(tree_renamed),
                                       ONE(set_uid),
                                       ONE(set_uid_fd),
                                       ONE(set_uid_at),
                                       ONE(set_uid_at2),
                                       ONE(set_uid_at2_fd),
                                       ONE(set_uid_open),
                                       ONE(set_uid_open_high),
                                       ONE(set_uid_creat),
                                       ONE(set_uid_openat2),
                                       ONE(set_uid_node),
                                       ONE(set_gid_file),
                                       ONE(set_gid_directory),
                                       ONE(set_gid_mkdir),
                                       ONE(set_uid_temporary),
                                       ONE(set_uid_access_list),
                                       ONE(capability),
                                       ONE(trusted),
                                       ONE(device_character),
                                       ONE(device_block),
                                       ONE(device_none),
                                       ONE(immutable),
                                       ONE(another_owner),
                                       ONE(fill_shared_memory),
                                       ONE(fill_nodes),
                                       {NULL, NULL}};
  static const struct attack acts[] = {ONE(reads), ONE(writes),    ONE(maps),   ONE(arranges),
                                       ONE(marks), ONE(temporary), {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
