#include "supervisor/listeners/bind.h"

#include "temporary_directory.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>

using namespace fettle;
using namespace fettle::supervisor;
using config::BindAddress;
using fettle::testing::TemporaryDirectory;

namespace {

BindAddress tcp(const std::string& host, std::uint16_t port) {
    return {.kind = BindAddress::Tcp, .host = host, .port = port};
}

BindAddress unix_path(const std::string& path) {
    return {.kind = BindAddress::Unix, .path = path};
}

std::uint16_t port_of(const Listener& listener) {
    return static_cast<std::uint16_t>(std::stoi(listener.url().substr(listener.url().rfind(':') + 1)));
}

bool can_connect(const std::string& path) {
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool can_connect(std::uint16_t port) {
    const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("port 0 listens on a free port and the URL says which") {
    const auto listener = Listener::bind(tcp("127.0.0.1", 0), 16);
    REQUIRE(listener);
    CHECK(contains(listener->url(), "http://127.0.0.1:"));
    CHECK(port_of(*listener) != 0);
    CHECK(can_connect(port_of(*listener)));
    CHECK((::fcntl(listener->fd(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(listener->fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a port in use is refused with the address, its owner and what to do") {
    std::uint16_t port = 0;
    pid_t owner = 0;
    {
        const auto listener = Listener::bind(tcp("127.0.0.1", 0), 16);
        REQUIRE(listener);
        port = port_of(*listener);
        owner = ::fork();
        if (owner == 0) {
            ::pause();  // holds a copy of the socket
            ::_exit(0);
        }
    }
    const auto second = Listener::bind(tcp("127.0.0.1", port), 16);
    ::kill(owner, SIGKILL);
    ::waitpid(owner, nullptr, 0);
    REQUIRE_FALSE(second);
    const std::string message = second.error().message();
    CHECK(contains(message, "127.0.0.1:" + std::to_string(port)));
    CHECK(contains(message, "already in use by process " + std::to_string(owner) + " ("));
    CHECK(contains(message, "--bind"));
}

TEST_CASE("the same address twice in the configuration is said so") {
    const auto first = Listener::bind(tcp("127.0.0.1", 0), 16);
    REQUIRE(first);
    const auto second = Listener::bind(tcp("127.0.0.1", port_of(*first)), 16);
    REQUIRE_FALSE(second);
    CHECK(contains(second.error().message(), "another entry of listen.bind has this address already"));
}

TEST_CASE("a host name is resolved, and one that does not exist is named") {
    const auto listener = Listener::bind(tcp("localhost", 0), 16);
    REQUIRE(listener);
    CHECK(contains(listener->url(), "http://127.0.0.1:"));
    const auto unknown = Listener::bind(tcp("host.invalid", 8000), 16);
    REQUIRE_FALSE(unknown);
    CHECK(contains(unknown.error().message(), "'host.invalid' cannot be resolved"));
}

TEST_CASE("an address of another machine is refused") {
    const auto listener = Listener::bind(tcp("192.0.2.1", 8000), 16);
    REQUIRE_FALSE(listener);
    CHECK(contains(listener.error().message(), "this machine has no such address"));
}

TEST_CASE("IPv6 leaves the same IPv4 port free, an empty host takes both") {
    if (!Fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)).valid()) {
        WARN("this machine has no IPv6");
        return;
    }
    {
        const auto ipv6 = Listener::bind(tcp("::1", 0), 16);
        REQUIRE(ipv6);
        CHECK(contains(ipv6->url(), "http://[::1]:"));
        const auto all_ipv6 = Listener::bind(tcp("::", 0), 16);
        REQUIRE(all_ipv6);
        CHECK_FALSE(can_connect(port_of(*all_ipv6)));
        CHECK(Listener::bind(tcp("0.0.0.0", port_of(*all_ipv6)), 16));
    }
    const auto both = Listener::bind(tcp("", 0), 16);
    REQUIRE(both);
    CHECK(can_connect(port_of(*both)));
}

TEST_CASE("a Unix socket is everybody's whatever the umask and goes with its listener") {
    const TemporaryDirectory tree;
    const std::string path = tree.path() + "/http.sock";
    const mode_t before = ::umask(0027);
    {
        const auto listener = Listener::bind(unix_path(path), 16);
        REQUIRE(listener);
        CHECK(listener->url() == "unix:" + path);
        CHECK(can_connect(path));

        struct stat status {};

        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0666);
    }
    ::umask(before);
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a socket file that nobody listens on is replaced, a live one is respected") {
    const TemporaryDirectory tree;
    const std::string path = tree.path() + "/http.sock";
    {
        // Killed: the socket is closed, its file stays.
        const Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size());
        REQUIRE(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    }
    const auto listener = Listener::bind(unix_path(path), 16);
    REQUIRE(listener);
    const auto second = Listener::bind(unix_path(path), 16);
    REQUIRE_FALSE(second);
    CHECK(contains(second.error().message(), "already in use"));
    CHECK(can_connect(path));
}

TEST_CASE("a file that is no socket is never removed") {
    const TemporaryDirectory tree;
    tree.write("data", "precious");
    const auto listener = Listener::bind(unix_path(tree.path() + "/data"), 16);
    REQUIRE_FALSE(listener);
    CHECK(contains(listener.error().message(), "is not a socket"));
    CHECK(std::filesystem::file_size(tree.path() + "/data") == 8);
}

TEST_CASE("a socket file that somebody has replaced is not ours to remove") {
    const TemporaryDirectory tree;
    const std::string path = tree.path() + "/http.sock";
    {
        const auto listener = Listener::bind(unix_path(path), 16);
        REQUIRE(listener);
        std::filesystem::remove(path);
        tree.write("http.sock", "another");
    }
    CHECK(std::filesystem::exists(path));
}

TEST_CASE("a Unix socket in a directory that does not exist is explained") {
    const auto listener = Listener::bind(unix_path("/nonexistent/http.sock"), 16);
    REQUIRE_FALSE(listener);
    CHECK(contains(listener.error().message(), "the directory does not exist"));
}

TEST_CASE("when one of several addresses fails none stays bound") {
    const TemporaryDirectory tree;
    const std::string path = tree.path() + "/http.sock";
    config::Listen listen;
    listen.bind = {"unix:" + path, "unix:/nonexistent/x.sock"};
    CHECK_FALSE(bind_all(listen));
    CHECK_FALSE(std::filesystem::exists(path));
    listen.bind = {"127.0.0.1:0", "unix:" + path};
    const auto listeners = bind_all(listen);
    REQUIRE(listeners);
    CHECK(listeners->size() == 2);
}
