#include "balancer/proxy/client_output.h"

#include "base/fd.h"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

using namespace fettle;
using namespace fettle::balancer;

namespace {

struct Client {
    Client() {
        std::array<int, 2> fds{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
        server = Fd(fds[0]);
        client = Fd(fds[1]);
    }

    // Writes until the socket takes no further byte.
    void fill() {
        const std::string filling(4096, '.');
        while (::write(server.get(), filling.data(), filling.size()) > 0) {
        }
        while (::write(server.get(), filling.data(), 1) > 0) {
        }
    }

    // What has arrived and was not read yet.
    std::string received() {
        std::string text;
        std::array<char, 65536> buffer{};
        for (ssize_t count = 1; count > 0;) {
            count = ::read(client.get(), buffer.data(), buffer.size());
            text.append(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
        }
        return text;
    }

    Fd server;
    Fd client;
};

}  // namespace

TEST_CASE("pieces of a few bytes that are gathered are all sent") {
    Client client;
    BufferPool pool;
    ClientOutput output(pool);
    std::string expected;
    for (int number = 0; number < 100; ++number) {
        const std::string piece = "1\r\n" + std::to_string(number % 10) + "\r\n";
        output.tail().append(piece);
        expected += piece;
    }

    CHECK(output.send(client.server.get()) == ClientOutput::Sent::All);

    CHECK(client.received() == expected);
}

TEST_CASE("a few bytes that a full socket did not take are sent before what comes after them") {
    Client client;
    BufferPool pool;
    ClientOutput output(pool);
    client.fill();
    const std::array<std::string_view, 1> piece{"first"};
    REQUIRE(output.send(client.server.get(), piece) == ClientOutput::Sent::Nothing);
    output.tail().append("second");
    (void)client.received();  // makes room

    CHECK(output.send(client.server.get()) == ClientOutput::Sent::All);

    CHECK(client.received() == "firstsecond");
}

TEST_CASE("an output that was drained starts anew with a buffer of the pool") {
    Client client;
    BufferPool pool;
    ClientOutput output(pool);
    for (const char* text : {"short", "a text that is too long to fit into the string object itself", "x"}) {
        output.tail().append(text);
        CHECK(output.send(client.server.get()) == ClientOutput::Sent::All);
        CHECK(output.size() == 0);
        CHECK(client.received() == text);
    }
}

TEST_CASE("buffers are kept for the next outputs up to a total size, however many they are") {
    BufferPool pool;
    const std::size_t bytes = GENERATE(100U, 4000U, 60'000U);
    const std::size_t count = 4 * BufferPool::kMostBytes / bytes;
    for (std::size_t number = 0; number < count; ++number) {
        pool.give(std::string(bytes, 'x'));
    }
    CHECK(pool.bytes() <= BufferPool::kMostBytes);
    CHECK(pool.bytes() > BufferPool::kMostBytes - 2 * (bytes + sizeof(std::string)));

    std::size_t kept = 0;
    while (pool.bytes() > 0) {
        const std::string buffer = pool.take();
        REQUIRE(buffer.empty());
        REQUIRE(buffer.capacity() >= bytes);
        ++kept;
    }

    CHECK(kept >= BufferPool::kMostBytes / (bytes + 100));
}

TEST_CASE("a buffer that is larger than a response usually needs, or has no memory of its own, is not kept") {
    BufferPool pool;

    pool.give(std::string(200'000, 'x'));
    pool.give("x");

    CHECK(pool.bytes() == 0);
    CHECK(pool.take().capacity() < 100);
}
