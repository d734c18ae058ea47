// Sockets of every kind.
// run: refused
#include "attempt.h"
#include <arpa/inet.h>
#include <netinet/in.h>
int main() {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(@PORT@);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int line = socket(AF_INET, SOCK_STREAM, 0);
    ATTEMPT(connect(line, (sockaddr*)&to, sizeof to));
    for (int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK})
        for (int kind : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW}) ATTEMPT(socket(family, kind, 0));
    int pair[2];
    ATTEMPT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    return ended();
}
