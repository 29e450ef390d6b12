// Socket addresses as the application sees them.
#pragma once

#include "base/result.h"

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace fettle::balancer {

struct Address {
    std::string host;  // numeric (an IPv4 address also if it came over an IPv6 socket), or the path of a Unix socket
    std::uint16_t port = 0;  // 0 for a Unix socket
    bool is_unix = false;
};

[[nodiscard]] Address to_address(const sockaddr_storage& address, socklen_t length);

// The address a socket is bound to.
[[nodiscard]] Result<Address> local_address(int socket);

}  // namespace fettle::balancer
