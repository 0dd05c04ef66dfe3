// Asking the run's resolver for names, in DNS messages made by hand: ask(NAME, TYPE), then what
// addresses() finds in the response. Whoever is not answered ends with a line that says so.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
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
// How many addresses there are, each printed if `say`; the first one.
static int addresses(int say, int type, struct sockaddr_storage* first, int port) {
  int count = response[6] << 8 | response[7];
  ssize_t at = 12;
  while (at < response_size && response[at] != 0) at += response[at] + 1;
  at += 5;
  for (int i = 0; i < count; ++i) {
    char text[64];
    inet_ntop(type == 1 ? AF_INET : AF_INET6, response + at + 12, text, sizeof text);
    if (say) printf(" %s", text);
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
