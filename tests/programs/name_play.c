// Names as a run sees them, asked for in DNS messages made by hand. One line says what came of it.
//   resolve TYPE NAME       "rcode N:" and the addresses; TYPE is 1 (A), 28 (AAAA) or another
//   talk TYPE NAME PORT     resolves, connects to the first address, wants its hello back
//   flood NAME              a thousand questions nobody waits for, then one that is answered
//   junk                    messages that are none, then one that is answered (REFUSED)
//   stream                  connects to the resolver by TCP
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int asker;
static unsigned char response[2048];
static ssize_t response_size;

static size_t question(unsigned char* out, const char* name, int type, int id) {
  unsigned char head[12] = {(unsigned char)(id >> 8), (unsigned char)id, 1, 0, 0, 1};
  size_t at = sizeof head;
  memcpy(out, head, at);
  while (*name != '\0') {
    size_t size = strcspn(name, ".");
    out[at++] = (unsigned char)size;
    memcpy(out + at, name, size);
    at += size;
    name += size + (name[size] == '.');
  }
  out[at++] = 0;
  unsigned char tail[4] = {0, (unsigned char)type, 0, 1};
  memcpy(out + at, tail, 4);
  return at + 4;
}
static void open_asker(void) {
  struct sockaddr_in at = {
      .sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  asker = socket(AF_INET, SOCK_DGRAM, 0);
  if (connect(asker, (void*)&at, sizeof at) != 0) {
    printf("asker: %s\n", strerror(errno));
    exit(1);
  }
}
// Asks until there is a response, as resolvers do: a datagram may be lost.
static void ask(const char* name, int type) {
  enum { kId = 7, kTries = 40 };
  unsigned char out[600];
  size_t size = question(out, name, type, kId);
  for (int i = 0; i < kTries; ++i) {
    (void)!send(asker, out, size, 0);
    struct pollfd one = {asker, POLLIN, 0};
    while (poll(&one, 1, 500) == 1) {
      response_size = recv(asker, response, sizeof response, 0);
      if (response_size >= 12 && (response[0] << 8 | response[1]) == kId) return;
    }
  }
  printf("no response: %s\n", strerror(errno));
  exit(1);
}
// Prints the addresses; the first one.
static int addresses(int type, struct sockaddr_storage* first, int port) {
  int count = response[6] << 8 | response[7];
  ssize_t at = 12;
  while (at < response_size && response[at] != 0) at += response[at] + 1;
  at += 5;
  for (int i = 0; i < count; ++i) {
    char text[64];
    inet_ntop(type == 1 ? AF_INET : AF_INET6, response + at + 12, text, sizeof text);
    printf(" %s", text);
    if (i == 0 && type == 1) {
      struct sockaddr_in* to = (void*)first;
      to->sin_family = AF_INET;
      to->sin_port = htons((uint16_t)port);
      memcpy(&to->sin_addr, response + at + 12, 4);
    } else if (i == 0) {
      struct sockaddr_in6* to = (void*)first;
      to->sin6_family = AF_INET6;
      to->sin6_port = htons((uint16_t)port);
      memcpy(&to->sin6_addr, response + at + 12, 16);
    }
    at += 12 + (type == 1 ? 4 : 16);
  }
  return count;
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  alarm(60);
  struct sockaddr_storage first;
  memset(&first, 0, sizeof first);
  if (strcmp(argv[1], "resolve") == 0 && argc == 4) {
    open_asker();
    ask(argv[3], atoi(argv[2]));
    printf("rcode %d:", response[3] & 15);
    addresses(atoi(argv[2]), &first, 0);
  } else if (strcmp(argv[1], "talk") == 0 && argc == 5) {
    open_asker();
    ask(argv[3], atoi(argv[2]));
    printf("talk:");
    if (addresses(atoi(argv[2]), &first, atoi(argv[4])) == 0) {
      printf(" no address, rcode %d\n", response[3] & 15);
      return 1;
    }
    int fd = socket(first.ss_family, SOCK_STREAM, 0);
    char text[8] = "";
    if (connect(fd, (void*)&first,
                first.ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                           : sizeof(struct sockaddr_in6)) != 0) {
      printf(" %s\n", strerror(errno));
      return 1;
    }
    (void)!send(fd, "hello\n", 6, MSG_NOSIGNAL);
    printf(recv(fd, text, 6, MSG_WAITALL) == 6 ? " ok" : " no echo");
  } else if (strcmp(argv[1], "flood") == 0 && argc == 3) {
    open_asker();
    unsigned char out[600];
    for (int i = 0; i < 1000; ++i) {
      char name[300];
      snprintf(name, sizeof name, "n%d.%s", i, argv[2]);
      (void)!send(asker, out, question(out, name, 1, 1000 + i), MSG_DONTWAIT);
    }
    close(asker);
    open_asker();
    ask("localhost", 1);
    printf("rcode %d:", response[3] & 15);
    addresses(1, &first, 0);
  } else if (strcmp(argv[1], "junk") == 0) {
    open_asker();
    unsigned seed = 1;
    for (int i = 0; i < 300; ++i) {
      unsigned char out[700];
      size_t size = question(out, "granted.example", 1, 1000 + i);
      size_t length = i % 3 == 0 ? sizeof out : size;
      for (int j = 0; j < 3; ++j) {
        seed = seed * 1103515245 + 12345;
        out[(seed >> 8) % size] = (unsigned char)(seed >> 24);
      }
      (void)!send(asker, out, i % 3 == 1 ? (size_t)i % size : length, 0);
    }
    close(asker);
    open_asker();
    ask("other.example", 1);
    printf("rcode %d:", response[3] & 15);
  } else if (strcmp(argv[1], "stream") == 0) {
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    printf("stream: %s", connect(fd, (void*)&at, sizeof at) == 0 ? "connected" : strerror(errno));
  } else {
    return 2;
  }
  printf("\n");
  return 0;
}
