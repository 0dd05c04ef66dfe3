// A client by UDP. ARGS: ACT HOST PORT [MORE]. One line says what came of it: "ACT: ok", or why
// not.
//   connected HOST PORT       a connected socket: three datagrams, three answers in order
//   unconnected HOST PORT     the same by sendto; each answer comes from where it was sent to
//   messages HOST PORT        by sendmsg and sendmmsg, corked, in segments, empty, 60000 bytes
//   ntp HOST PORT             a request of NTP's form, and the answer that repeats its time stamp
//   flows HOST PORT COUNT     so many sockets at once, each hears its own answers
//   both HOST PORT OTHER      one socket, two destinations: answers say which
//   order HOST PORT           a hundred datagrams, answers in the order of the questions
//   silent HOST PORT          no answer within half a second, whatever is sent
//   ticks HOST PORT           asks every 50 ms, for ever; says "ticking" after the first answer
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ask.h"
#include "want.h"

static struct sockaddr_storage there;
static socklen_t there_size;

// An address, or a name that the run's resolver knows.
static void find(const char* host, const char* port, struct sockaddr_storage* to, socklen_t* size) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
  if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
    memcpy(to, &v4, *size = sizeof v4);
  } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
    memcpy(to, &v6, *size = sizeof v6);
  } else {
    open_asker();
    ask(host, 1);
    *size = sizeof v4;
    if (addresses(0, 1, to, atoi(port)) > 0) return;
    ask(host, 28);
    *size = sizeof v6;
    WANT(addresses(0, 28, to, atoi(port)) > 0);
  }
}
static int open_socket(int connected) {
  int fd = socket(there.ss_family, SOCK_DGRAM, 0);
  WANT(fd >= 0);
  if (connected) WANT(connect(fd, (void*)&there, there_size) == 0);
  return fd;
}
static int answered(int fd, int millis) {
  struct pollfd one = {fd, POLLIN, 0};
  return poll(&one, 1, millis) == 1;
}
// Asks until it is answered, as clients by UDP do; late answers to earlier tries are the same.
static ssize_t talk(int fd, const void* text, size_t size, void* room, size_t room_size,
                    struct sockaddr_storage* from) {
  for (int i = 0; i < 40; ++i) {
    ssize_t sent = from == NULL ? send(fd, text, size, 0)
                                : sendto(fd, text, size, 0, (void*)&there, there_size);
    WANT(sent == (ssize_t)size);
    if (!answered(fd, 500)) continue;
    socklen_t from_size = sizeof *from;
    ssize_t got = recvfrom(fd, room, room_size, 0, (void*)from, from == NULL ? NULL : &from_size);
    if (got < 0) continue;  // nobody there, a moment ago
    return got;
  }
  WANT(!"an answer");
  return -1;
}
static int same_place(const struct sockaddr_storage* one, const struct sockaddr_storage* other) {
  if (one->ss_family != other->ss_family) return 0;
  if (one->ss_family == AF_INET) {
    const struct sockaddr_in* a = (const void*)one;
    const struct sockaddr_in* b = (const void*)other;
    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
  }
  const struct sockaddr_in6* a = (const void*)one;
  const struct sockaddr_in6* b = (const void*)other;
  return a->sin6_port == b->sin6_port && memcmp(&a->sin6_addr, &b->sin6_addr, 16) == 0;
}
static void drain(int fd) {
  char rest[64];
  while (recv(fd, rest, sizeof rest, MSG_DONTWAIT) >= 0) {
  }
}

static void connected(void) {
  int fd = open_socket(1);
  for (int i = 0; i < 3; ++i) {
    char text[32], room[64];
    int size = snprintf(text, sizeof text, "question %d", i);
    ssize_t got = talk(fd, text, (size_t)size, room, sizeof room, NULL);
    WANT(got == size && memcmp(room, text, (size_t)size) == 0);
    drain(fd);
  }
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  WANT(getpeername(fd, (void*)&peer, &size) == 0 && same_place(&peer, &there));
}
static void unconnected(void) {
  int fd = open_socket(0);
  for (int i = 0; i < 3; ++i) {
    char room[64];
    struct sockaddr_storage from;
    WANT(talk(fd, "hello", 5, room, sizeof room, &from) == 5);
    WANT(same_place(&from, &there));
    drain(fd);
  }
}
static void expect_sizes(int fd, const size_t* sizes, int count) {
  static char room[70000];
  for (int i = 0; i < count; ++i) {
    WANT(answered(fd, 10000));
    ssize_t got = recv(fd, room, sizeof room, 0);
    WANT(got == (ssize_t)sizes[i]);
  }
}
static void messages(void) {
  static char large[66000];
  int fd = open_socket(0), one = 1, zero = 0;
  char room[64];
  struct sockaddr_storage from;
  WANT(talk(fd, "first", 5, room, sizeof room, &from) == 5);  // the flow is open
  usleep(100000);
  drain(fd);
  struct iovec data = {"message", 7};
  struct msghdr message = {
      .msg_name = &there, .msg_namelen = there_size, .msg_iov = &data, .msg_iovlen = 1};
  WANT(sendmsg(fd, &message, 0) == 7);
  expect_sizes(fd, (size_t[]){7}, 1);
  struct mmsghdr many[2] = {{message, 0}, {message, 0}};
  WANT(sendmmsg(fd, many, 2, 0) == 2);
  expect_sizes(fd, (size_t[]){7, 7}, 2);
  WANT(sendto(fd, "half ", 5, MSG_MORE, (void*)&there, there_size) == 5);
  WANT(sendto(fd, "whole", 5, 0, (void*)&there, there_size) == 5);
  expect_sizes(fd, (size_t[]){10}, 1);
  int segment = 1000;
  WANT(setsockopt(fd, IPPROTO_UDP, 103 /* UDP_SEGMENT */, &segment, sizeof segment) == 0);
  WANT(sendto(fd, large, 2500, 0, (void*)&there, there_size) == 2500);
  expect_sizes(fd, (size_t[]){1000, 1000, 500}, 3);
  WANT(setsockopt(fd, IPPROTO_UDP, 103, &zero, sizeof zero) == 0);
  WANT(sendto(fd, "", 0, 0, (void*)&there, there_size) == 0);
  expect_sizes(fd, (size_t[]){0}, 1);
  WANT(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
  WANT(sendto(fd, large, 60000, 0, (void*)&there, there_size) == 60000);
  expect_sizes(fd, (size_t[]){60000}, 1);
  const size_t most = there.ss_family == AF_INET ? 65507 : 65527;
  WANT(sendto(fd, large, most + 1, 0, (void*)&there, there_size) == -1 && errno == EMSGSIZE);
}
static void ntp(void) {
  unsigned char request[48] = {0x23}, room[64];
  memcpy(request + 40, "12345678", 8);
  int fd = open_socket(1);
  WANT(talk(fd, request, sizeof request, room, sizeof room, NULL) == 48);
  WANT((room[0] & 7) == 4 && memcmp(room + 24, "12345678", 8) == 0);
}
static void flows(int count) {
  int* fds = calloc((size_t)count, sizeof *fds);
  char text[32], room[64];
  for (int i = 0; i < count; ++i) fds[i] = open_socket(i % 2);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < count; ++i) {
      struct sockaddr_storage from;
      int size = snprintf(text, sizeof text, "socket %d", i);
      ssize_t got = talk(fds[i], text, (size_t)size, room, sizeof room, i % 2 ? NULL : &from);
      WANT(got == size && memcmp(room, text, (size_t)size) == 0);
    }
  }
}
static void both(const char* host, const char* other) {
  int fd = open_socket(0);
  struct sockaddr_storage first = there, second, from;
  socklen_t size;
  find(host, other, &second, &size);
  char room[64];
  for (int i = 0; i < 6; ++i) {
    there = i % 2 ? second : first;
    drain(fd);
    WANT(talk(fd, "who", 3, room, sizeof room, &from) == 3);
    // An answer to an earlier try may be late; it came from the other place then.
    WANT(same_place(&from, &first) || same_place(&from, &second));
    if (!same_place(&from, &there)) --i;
  }
}
static void order(void) {
  int fd = open_socket(1), next = 0;
  char text[32], room[64];
  WANT(talk(fd, "start", 5, room, sizeof room, NULL) == 5);
  usleep(100000);
  drain(fd);
  for (int i = 0; i < 100; ++i) {
    WANT(send(fd, text, (size_t)snprintf(text, sizeof text, "%d", i), 0) > 0);
    usleep(1000);
  }
  while (next < 100 && answered(fd, 5000)) {
    ssize_t got = recv(fd, room, sizeof room - 1, 0);
    WANT(got > 0);
    room[got] = '\0';
    WANT(atoi(room) >= next);
    next = atoi(room) + 1;
  }
  WANT(next >= 90);  // the last few may be lost, as datagrams are
}
static void silent(void) {
  int fd = open_socket(0);
  for (int i = 0; i < 2; ++i) {
    (void)!sendto(fd, "anybody", 7, 0, (void*)&there, there_size);
    char room[64];
    WANT(!answered(fd, 250) || recv(fd, room, sizeof room, 0) < 0);
  }
}
static void ticks(void) {
  int fd = open_socket(1), said = 0;
  char room[64];
  for (int i = 0;; ++i) {
    (void)!send(fd, "tick", 4, 0);
    if (answered(fd, 50) && recv(fd, room, sizeof room, 0) == 4 && !said) {
      printf("ticking\n");
      fflush(stdout);
      said = 1;
    }
    usleep(50000);
  }
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  act = argv[1];
  if (strcmp(act, "ticks") != 0) alarm(50);
  find(argv[2], argv[3], &there, &there_size);
  if (strcmp(act, "connected") == 0) {
    connected();
  } else if (strcmp(act, "unconnected") == 0) {
    unconnected();
  } else if (strcmp(act, "messages") == 0) {
    messages();
  } else if (strcmp(act, "ntp") == 0) {
    ntp();
  } else if (strcmp(act, "flows") == 0 && argc == 5) {
    flows(atoi(argv[4]));
  } else if (strcmp(act, "both") == 0 && argc == 5) {
    both(argv[2], argv[4]);
  } else if (strcmp(act, "order") == 0) {
    order();
  } else if (strcmp(act, "silent") == 0) {
    silent();
  } else if (strcmp(act, "ticks") == 0) {
    ticks();
  } else {
    return 2;
  }
  printf("%s: ok\n", act);
  return 0;
}
