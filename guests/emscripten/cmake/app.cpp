// A program in C++ with every header of the package: a pair of sockets, an epoll, a counter, a timer, and look-ups.
#include <guestnet/dns.h>
#include <iostream>
#include <netdb.h>
#include <string>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

static bool pair_carries(const std::string &text) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return false;
    if (write(pair[0], text.data(), text.size()) != static_cast<ssize_t>(text.size())) return false;
    std::string got(text.size(), '\0');
    return read(pair[1], &got[0], got.size()) == static_cast<ssize_t>(got.size()) && got == text;
}

static bool counter_is_reported() {
    int epoll = epoll_create1(0), counter = eventfd(1, 0);
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = counter;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event) != 0) return false;
    timespec second = {1, 0};
    return epoll_pwait2(epoll, &event, 1, &second, nullptr) == 1 && event.data.fd == counter;
}

static bool timer_ends() {
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    itimerspec soon = {};
    soon.it_value.tv_nsec = 1;
    uint64_t times = 0;
    return timerfd_settime(timer, 0, &soon, nullptr) == 0 && read(timer, &times, sizeof times) == sizeof times && times >= 1;
}

static bool look_ups_work() {
    hostent *host = gethostbyname("127.0.0.1");
    protoent *protocol = getprotobyname("tcp");
    int later = emscripten_dns_lookup_async("127.0.0.1", "80", nullptr);
    return host != nullptr && protocol != nullptr && protocol->p_proto == IPPROTO_TCP && later >= 0 && close(later) == 0;
}

int main() {
    std::cout << std::boolalpha << pair_carries("hello") << ' ' << counter_is_reported() << ' ' << timer_ends() << ' '
              << look_ups_work() << std::endl;
    return 0;
}
