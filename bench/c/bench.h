/* bench.h: what the measured C programs share. The same source is built natively and for wasip1; the measurements
 * compare the two. A program does a fixed amount of work and exits with 0; whatever goes wrong ends it with 1. */
#ifndef GUESTNET_BENCH_H
#define GUESTNET_BENCH_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Buffers that the kernel fills. Where a toolchain aligns them to less than 16 bytes, some processors copy into them several
 * times more slowly, which says nothing about the calls that are measured. */
#define BUFFER static _Alignas(64) char

#define BENCH_UNUSED __attribute__((unused))

BENCH_UNUSED static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* A call that must not fail; gives its result. */
BENCH_UNUSED static long must(const char *what, long result) {
    if (result < 0) fail(what);
    return result;
}

/* The numeric argument at `index`. */
BENCH_UNUSED static uint64_t number(int argc, char **argv, int index) {
    if (index >= argc) {
        fprintf(stderr, "%s: argument %d is missing\n", argv[0], index);
        exit(1);
    }
    return strtoull(argv[index], NULL, 10);
}

BENCH_UNUSED static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* A socket bound to a port of the kernel's choice. */
BENCH_UNUSED static int bound(int type) {
    int fd = (int)must("socket", socket(AF_INET, type, 0));
    struct sockaddr_in address = loopback(0);
    must("bind", bind(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

BENCH_UNUSED static struct sockaddr_in address_of(int fd) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    must("getsockname", getsockname(fd, (struct sockaddr *)&address, &length));
    return address;
}

/* Prints for the measurements where this program can be reached. */
BENCH_UNUSED static void announce(int fd) {
    printf("%d\n", ntohs(address_of(fd).sin_port));
    fflush(stdout);
}

/* A TCP connection to a peer on this machine, without Nagle's delay. */
BENCH_UNUSED static int connected(uint16_t port) {
    int fd = (int)must("socket", socket(AF_INET, SOCK_STREAM, 0));
    struct sockaddr_in address = loopback(port);
    must("connect", connect(fd, (struct sockaddr *)&address, sizeof address));
    int one = 1;
    must("TCP_NODELAY", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    return fd;
}

BENCH_UNUSED static uint64_t nanoseconds(void) {
    struct timespec now;
    must("clock_gettime", clock_gettime(CLOCK_MONOTONIC, &now));
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
