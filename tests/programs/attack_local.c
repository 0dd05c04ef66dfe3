// Ways to Unix sockets of the host. ARGS: a socket in a tree that may be read, one in a tree that
// may be written, that tree, a directory for sockets of its own. The host's listeners say what
// reached them.
#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "attack.h"

static int reach(const char* path, int type) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
  int fd = socket(AF_UNIX, type, 0);
  if (fd < 0) return -1;
  if (connect(fd, (void*)&to, sizeof to) == 0) return fd;
  close(fd);
  return -1;
}
static const char* reached(const char* path) {
  return reach(path, SOCK_STREAM) >= 0 ? got("connected") : NULL;
}
static int serve(const char* path) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
  unlink(path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  return fd >= 0 && bind(fd, (void*)&at, sizeof at) == 0 && listen(fd, 64) == 0 ? fd : -1;
}

static const char* in_read_tree(void) {
  return reached(attack_args[0]);
}
static const char* in_write_tree(void) {
  return reached(attack_args[1]);
}
static const char* not_blocking(void) {
  return reach(attack_args[0], SOCK_STREAM | SOCK_NONBLOCK) >= 0 ? got("connected") : NULL;
}
// A path in the directory of its own.
static char* own(const char* name) {
  static char paths[4][200];
  static int next;
  char* path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", attack_args[3], name);
  return path;
}
static const char* by_symlink(void) {
  const char* path = own("link");
  unlink(path);
  return symlink(attack_args[0], path) == 0 ? reached(path) : NULL;
}
static const char* by_descriptor(void) {
  char path[100];
  int fd = open(attack_args[0], O_PATH);
  if (fd < 0) return NULL;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return reached(path);
}
static const char* by_directory(void) {
  char copy[200], path[100];
  snprintf(copy, sizeof copy, "%s", attack_args[0]);
  int fd = open(dirname(copy), O_PATH | O_DIRECTORY);
  if (fd < 0 || fchdir(fd) != 0) return NULL;
  snprintf(path, sizeof path, "./../%s/socket", strrchr(copy, '/') + 1);
  return reached(path);
}
static const char* hard_linked(void) {
  char path[200];
  snprintf(path, sizeof path, "%s/other", attack_args[2]);
  unlink(path);
  if (link(attack_args[1], path) != 0) return NULL;
  const char* done = reached(path);
  unlink(path);
  return done;
}
static const char* moved(void) {
  char path[200];
  snprintf(path, sizeof path, "%s/moved", attack_args[2]);
  if (rename(attack_args[1], path) != 0) return NULL;
  const char* done = reached(path);
  rename(path, attack_args[1]);
  return done;
}
// A name that is the run's own socket's and the host's in turn, while it is looked at.
static volatile int stop;
static struct sockaddr_un turning = {.sun_family = AF_UNIX};
static volatile unsigned turns;
static void* turn_address(void* host) {
  const char* mine = own("own");
  for (; !stop; ++turns) {
    strcpy(turning.sun_path, mine);
    strcpy(turning.sun_path, host);
  }
  return NULL;
}
static void* turn_link(void* host) {
  const char *mine = own("own"), *next = own("next"), *link = own("turning");
  for (; !stop; ++turns) {
    (void)!symlink(mine, next);
    rename(next, link);
    (void)!symlink(host, next);
    rename(next, link);
  }
  return NULL;
}
static void* turn_file(void* host) {
  char aside[200];
  snprintf(aside, sizeof aside, "%s/aside", attack_args[2]);
  for (; !stop; ++turns) {
    syscall(SYS_renameat2, AT_FDCWD, host, AT_FDCWD, aside, 2 /* RENAME_EXCHANGE */);
  }
  return NULL;
}
// The peer of what was reached is this process, or else the host.
static const char* race(void* (*turn)(void*), const char* path, char* host, const char* own) {
  pthread_t thread;
  int server = serve(own), strange = 0, met = 0;
  if (server < 0) return NULL;
  struct sockaddr_un to = turning;
  strcpy(to.sun_path, path != NULL ? path : "");
  stop = 0;
  pthread_create(&thread, NULL, turn, host);
  time_t start = 0;
  for (int i = 0; i < 120 && time_left(&start); ++i) {
    // Each try comes after a change: a busy machine may let the other thread wait.
    for (unsigned seen = turns; turns == seen;) sched_yield();
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), other = -1;
    if (connect(fd, path != NULL ? (void*)&to : (void*)&turning, sizeof to) == 0) {
      other = accept(server, NULL, NULL);
      met += other >= 0;
      strange += other < 0;
    }
    close(fd);
    if (other >= 0) close(other);
  }
  stop = 1;
  pthread_join(thread, NULL);
  close(server);
  errno = EACCES;
  return strange > 0 ? got("connected to the host %d times (%d to itself)", strange, met) : NULL;
}
static const char* race_address(void) {
  return race(turn_address, NULL, attack_args[0], own("own"));
}
static const char* race_link(void) {
  return race(turn_link, own("turning"), attack_args[0], own("own"));
}
static const char* race_file(void) {
  char aside[200];
  struct stat before, after;
  snprintf(aside, sizeof aside, "%s/aside", attack_args[2]);
  if (stat(attack_args[1], &before) != 0) return NULL;
  const char* done = race(turn_file, attack_args[1], attack_args[1], aside);
  if (stat(attack_args[1], &after) == 0 && after.st_ino != before.st_ino) {
    syscall(SYS_renameat2, AT_FDCWD, attack_args[1], AT_FDCWD, aside, 2);
  }
  unlink(aside);
  return done;
}
// Who connects for the run is the governor: the server's side must not get hold of it.
static const char* peer_killed(void) {
  int server = serve(own("own")), fd = reach(own("own"), SOCK_STREAM), peer = -1;
  int other = accept(server, NULL, NULL);
  socklen_t size = sizeof peer;
  if (fd < 0 || other < 0) return got("no connection of its own");
  if (getsockopt(other, SOL_SOCKET, 77 /* SO_PEERPIDFD */, &peer, &size) != 0) return NULL;
  // Ungoverned this is the program itself.
  if (syscall(SYS_pidfd_send_signal, peer, 0, NULL, 0) != 0) return NULL;
  return got("a signal reached the peer's process");
}
static const char* peer_number(void) {
  int server = serve(own("own")), fd = reach(own("own"), SOCK_STREAM);
  int other = accept(server, NULL, NULL);
  struct ucred who = {0, 0, 0};
  socklen_t size = sizeof who;
  if (fd < 0 || other < 0) return got("no connection of its own");
  if (getsockopt(other, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return NULL;
  errno = ESRCH;
  return who.pid != 0 && kill(who.pid, 0) == 0 ? got("process %d", who.pid) : NULL;
}

// What is granted: sockets of the run's own.
static const char* own_socket(void) {
  int server = serve(own("mine")), fd = reach(own("mine"), SOCK_STREAM);
  int other = accept(server, NULL, NULL);
  char byte;
  if (fd < 0 || other < 0 || write(fd, "x", 1) != 1) return NULL;
  return read(other, &byte, 1) == 1 ? got("connected to itself") : NULL;
}
static const char* passes_descriptor(void) {
  int ends[2], pipes[2], taken = -1;
  char byte = 'x', room[CMSG_SPACE(sizeof(int))] = {0};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || pipe(pipes) != 0) return NULL;
  struct iovec data = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  struct cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(head), &pipes[1], sizeof(int));
  if (sendmsg(ends[0], &message, 0) != 1 || recvmsg(ends[1], &message, 0) != 1) return NULL;
  head = CMSG_FIRSTHDR(&message);
  if (head == NULL) return NULL;
  memcpy(&taken, CMSG_DATA(head), sizeof(int));
  return write(taken, "y", 1) == 1 && read(pipes[0], &byte, 1) == 1 ? got("passed") : NULL;
}

#define ONE(name) \
  { #name, name }
int main(int argc, char** argv) {
  if (argc < 6) return 2;
  static const struct attack list[] = {ONE(in_read_tree), ONE(in_write_tree), ONE(not_blocking),
                                       ONE(by_symlink),   ONE(by_descriptor), ONE(by_directory),
                                       ONE(hard_linked),  ONE(moved),         ONE(race_address),
                                       ONE(race_link),    ONE(race_file),     ONE(peer_killed),
                                       ONE(peer_number),  {NULL, NULL}};
  static const struct attack acts[] = {ONE(own_socket), ONE(passes_descriptor), {NULL, NULL}};
  return attack_suite(list, acts, argc, argv);
}
