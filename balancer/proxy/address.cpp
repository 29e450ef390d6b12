#include "balancer/proxy/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace fettle::balancer {

namespace {

// The kernel hands addresses out in a storage of another type: copying is the only well-defined way to read them.
template <class Native>
Native copy_as(const sockaddr_storage& address) {
    Native native;
    static_assert(sizeof(Native) <= sizeof(address));
    std::memcpy(&native, &address, sizeof(native));
    return native;
}

std::string print(int family, const void* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return ::inet_ntop(family, address, text.data(), text.size()) != nullptr ? text.data() : std::string();
}

}  // namespace

Address to_address(const sockaddr_storage& address, socklen_t length) {
    switch (address.ss_family) {
        case AF_INET: {
            const auto v4 = copy_as<sockaddr_in>(address);
            return {print(AF_INET, &v4.sin_addr), ntohs(v4.sin_port), false};
        }
        case AF_INET6: {
            const auto v6 = copy_as<sockaddr_in6>(address);
            const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
            return {mapped ? print(AF_INET, &v6.sin6_addr.s6_addr[12]) : print(AF_INET6, &v6.sin6_addr),
                    ntohs(v6.sin6_port), false};
        }
        case AF_UNIX: {
            const auto local = copy_as<sockaddr_un>(address);
            const std::size_t path_bytes =
                    length > offsetof(sockaddr_un, sun_path) ? length - offsetof(sockaddr_un, sun_path) : 0;
            return {std::string(local.sun_path, ::strnlen(local.sun_path, path_bytes)), 0, true};
        }
        default:
            return {};
    }
}

Result<Address> local_address(int socket) {
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        return errno_error("cannot read the address of a listening socket");
    }
    return to_address(address, length);
}

}  // namespace fettle::balancer
