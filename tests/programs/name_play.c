// Names as a run sees them, asked for in DNS messages made by hand. One line says what came of it.
//   resolve TYPE NAME       "rcode N:" and the addresses; TYPE is 1 (A), 28 (AAAA) or another
//   talk TYPE NAME PORT     resolves, connects to the first address, wants its hello back
//   flood NAME              a thousand questions nobody waits for, then one that is answered
//   junk                    messages that are none, then one that is answered (REFUSED)
//   stream                  connects to the resolver by TCP
#include "ask.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  alarm(60);
  struct sockaddr_storage first;
  memset(&first, 0, sizeof first);
  if (strcmp(argv[1], "resolve") == 0 && argc == 4) {
    open_asker();
    ask(argv[3], atoi(argv[2]));
    printf("rcode %d:", response[3] & 15);
    addresses(1, atoi(argv[2]), &first, 0);
  } else if (strcmp(argv[1], "talk") == 0 && argc == 5) {
    open_asker();
    ask(argv[3], atoi(argv[2]));
    printf("talk:");
    if (addresses(1, atoi(argv[2]), &first, atoi(argv[4])) == 0) {
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
    addresses(1, 1, &first, 0);
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
