#include "supervisor/listeners/bind.h"

#include "supervisor/listeners/socket_owner.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace fettle::supervisor {

namespace {

struct Endpoint {
    sockaddr_storage address{};
    socklen_t length = 0;
    bool ipv6_only = false;

    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

Endpoint every_address(int family, std::uint16_t port) {
    Endpoint endpoint;
    if (family == AF_INET6) {
        const sockaddr_in6 address{.sin6_family = AF_INET6,
                                   .sin6_port = htons(port),
                                   .sin6_flowinfo = 0,
                                   .sin6_addr = in6addr_any,
                                   .sin6_scope_id = 0};
        std::memcpy(&endpoint.address, &address, sizeof(address));
        endpoint.length = sizeof(address);
    } else {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        std::memcpy(&endpoint.address, &address, sizeof(address));
        endpoint.length = sizeof(address);
    }
    return endpoint;
}

Result<Endpoint> resolve(const config::BindAddress& address) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int status = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
    if (status != 0) {
        const std::string reason = status == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(status);
        return Error{"cannot listen on " + config::to_string(address) + ": the host name '" + address.host +
                     "' cannot be resolved (" + reason + "); correct it, or use an IP address"};
    }
    const addrinfo* chosen = list;
    for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
        if (item->ai_family == AF_INET) {
            chosen = item;
            break;
        }
    }
    Endpoint endpoint;
    std::memcpy(&endpoint.address, chosen->ai_addr, chosen->ai_addrlen);
    endpoint.length = chosen->ai_addrlen;
    endpoint.ipv6_only = chosen->ai_family == AF_INET6;
    return endpoint;
}

Error bind_error(const config::BindAddress& address, int number) {
    std::string what = "cannot listen on " + config::to_string(address) + ": ";
    switch (number) {
        case EADDRINUSE: {
            const std::string owner = address.kind == config::BindAddress::Tcp ? find_port_owner(address.port) : "";
            const bool ours = owner.starts_with("process " + std::to_string(::getpid()) + " ");
            what += ours ? "another entry of listen.bind has this address already; remove one of them"
                         : "the address is already in use" + (owner.empty() ? "" : " by " + owner) +
                                    "; stop the other server, or choose another address with --bind or listen.bind";
            break;
        }
        case EACCES:
            what += address.kind == config::BindAddress::Tcp
                            ? "permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE: choose a higher "
                              "port"
                            : "permission denied; make the directory writable for this user, or choose another path";
            break;
        case EADDRNOTAVAIL:
            what += "this machine has no such address; use one of its own, or leave the host empty for all";
            break;
        case EAFNOSUPPORT:
            what += "this machine has no IPv6; use an IPv4 address";
            break;
        case ENOENT:
            what += "the directory does not exist; create it, or choose another path";
            break;
        default:
            what += std::strerror(number);
    }
    return Error{std::move(what)};
}

Result<Fd> listen_on(const Endpoint& endpoint, int backlog, const config::BindAddress& address) {
    Fd fd(::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return bind_error(address, errno);
    }
    const int on = 1;
    const int ipv6_only = endpoint.ipv6_only ? 1 : 0;
    const bool options_set = ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                             (endpoint.address.ss_family != AF_INET6 ||
                              ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &ipv6_only, sizeof(ipv6_only)) == 0);
    if (!options_set || ::bind(fd.get(), endpoint.get(), endpoint.length) != 0 || ::listen(fd.get(), backlog) != 0) {
        return bind_error(address, errno);
    }
    return fd;
}

std::string url_of(int fd) {
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    char host[NI_MAXHOST] = "";
    char port[NI_MAXSERV] = "";
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
        ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host, sizeof(host), port, sizeof(port),
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return "";
    }
    const std::string shown = address.ss_family == AF_INET6 ? "[" + std::string(host) + "]" : host;
    return "http://" + shown + ":" + port;
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof(address.sun_path) - 1));
    return address;
}

// Removes a socket file on which nobody listens; an Error if somebody does, or if it is no socket.
Result<void> remove_stale(const config::BindAddress& bind) {
    struct stat status {};

    if (::lstat(bind.path.c_str(), &status) != 0) {
        return {};  // there is none, or bind(2) will say what is wrong
    }
    if (!S_ISSOCK(status.st_mode)) {
        return Error{"cannot listen on " + config::to_string(bind) +
                     ": the path exists and is not a socket; remove it, or choose another path"};
    }
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!probe.valid()) {
        return bind_error(bind, errno);
    }
    const sockaddr_un address = unix_address(bind.path);
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
        errno != ECONNREFUSED) {
        return bind_error(bind, EADDRINUSE);  // also EAGAIN: it is alive and its backlog is full
    }
    if (::unlink(bind.path.c_str()) != 0 && errno != ENOENT) {
        return bind_error(bind, errno);
    }
    return {};
}

}  // namespace

Listener::Listener(Listener&& other) noexcept
    : fd_(std::move(other.fd_)),
      url_(std::move(other.url_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

Listener::~Listener() {
    struct stat status {};

    if (!path_.empty() && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
        ::unlink(path_.c_str());
    }
}

Result<Listener> Listener::bind(const config::BindAddress& address, int backlog) {
    return address.kind == config::BindAddress::Unix ? bind_unix(address, backlog) : bind_tcp(address, backlog);
}

Result<Listener> Listener::bind_tcp(const config::BindAddress& address, int backlog) {
    Endpoint endpoint = every_address(AF_INET6, address.port);
    if (!address.host.empty()) {
        FETTLE_TRY(resolved, resolve(address));
        endpoint = resolved;
    }
    Result<Fd> fd = listen_on(endpoint, backlog, address);
    const bool no_ipv6 = !fd && address.host.empty() && !Fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)).valid();
    if (no_ipv6) {
        fd = listen_on(every_address(AF_INET, address.port), backlog, address);
    }
    if (!fd) {
        return std::move(fd).error();
    }
    Listener listener(std::move(*fd));
    listener.url_ = url_of(listener.fd());
    return listener;
}

Result<Listener> Listener::bind_unix(const config::BindAddress& address, int backlog) {
    FETTLE_CHECK_OK(remove_stale(address));
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return bind_error(address, errno);
    }
    const sockaddr_un name = unix_address(address.path);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
        return bind_error(address, errno);
    }
    Listener listener(std::move(fd));

    struct stat status {};

    if (::lstat(address.path.c_str(), &status) == 0) {
        listener.path_ = address.path;
        listener.device_ = status.st_dev;
        listener.inode_ = status.st_ino;
    }
    // The umask has taken bits away that a reverse proxy of another user needs. Nobody can connect before listen(2).
    if (::chmod(address.path.c_str(), 0666) != 0 || ::listen(listener.fd(), backlog) != 0) {
        return bind_error(address, errno);
    }
    listener.url_ = config::to_string(address);
    return listener;
}

Result<std::vector<Listener>> bind_all(const config::Listen& listen) {
    std::vector<Listener> listeners;
    for (const std::string& text : listen.bind) {
        auto address = config::parse_bind_address(text);
        if (!address) {
            return std::move(address).error().with_context("cannot listen on '" + text + "'");
        }
        FETTLE_TRY(listener, Listener::bind(*address, listen.backlog));
        listeners.push_back(std::move(listener));
    }
    return listeners;
}

}  // namespace fettle::supervisor
