// The wrappers against the real libuv. Every test ends with ~Loop, which asserts that no handle is left open.

#include "loop/loop.h"

#include "base/fd.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <thread>

using namespace fettle;
using namespace fettle::loop;
using namespace std::chrono_literals;

TEST_CASE("timer: fires once, and may destroy itself in its own callback", "[loop]") {
    Loop loop;
    int fired = 0;
    std::optional<Timer> sut;
    sut.emplace(loop, [&] {
        ++fired;
        sut.reset();
    });

    sut->start(1ms);
    loop.run();

    CHECK(fired == 1);
}

TEST_CASE("timer: a stopped timer does not fire, starting again replaces the deadline", "[loop]") {
    Loop loop;
    int fired = 0;
    Timer stopped(loop, [&] { fired += 100; });
    Timer sut(loop, [&] { ++fired; });

    stopped.start(1ms);
    stopped.stop();
    sut.start(24h);
    sut.start(1ms);
    CHECK(sut.active());
    loop.run();

    CHECK(fired == 1);
    CHECK_FALSE(sut.active());
}

TEST_CASE("timer: a repeating timer goes on until it is stopped", "[loop]") {
    Loop loop;
    int fired = 0;
    std::optional<Timer> sut;
    sut.emplace(loop, [&] {
        if (++fired == 3) {
            sut->stop();
        }
    });
    sut->start_repeating(1ms);
    loop.run();
    CHECK(fired == 3);
}

TEST_CASE("signal: is delivered on the loop", "[loop]") {
    Loop loop;
    std::optional<Signal> sut;
    auto watching = Signal::watch(loop, SIGUSR1, [&] { sut.reset(); });
    REQUIRE(watching.has_value());
    sut.emplace(std::move(*watching));

    REQUIRE(::raise(SIGUSR1) == 0);
    loop.run();  // ends because the callback destroyed the only handle

    CHECK_FALSE(sut.has_value());
    CHECK_FALSE(Signal::watch(loop, SIGKILL, [] {}).has_value());
}

TEST_CASE("poll: reports what is ready of what is wanted", "[loop]") {
    Loop loop;
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    Fd ours(fds[0]);
    Fd theirs(fds[1]);
    std::string seen;
    std::optional<Poll> sut;
    auto made = Poll::create(loop, ours.get(), [&](Readiness ready) {
        if (ready.writable) {
            seen += "w";
            sut->set(Interest::Read);
            REQUIRE(::write(theirs.get(), "x", 1) == 1);
        }
        if (ready.readable) {
            seen += "r";
            sut.reset();
        }
    });
    REQUIRE(made.has_value());
    sut.emplace(std::move(*made));

    sut->set(Interest::ReadWrite);
    CHECK(sut->interest() == Interest::ReadWrite);
    loop.run();

    CHECK(seen == "wr");
    CHECK_FALSE(Poll::create(loop, -1, [](Readiness) {}).has_value());
}

TEST_CASE("poll: that the peer is gone is told also to who waits for nothing else", "[loop]") {
    Loop loop;
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    Fd ours(fds[0]);
    Fd theirs(fds[1]);
    int calls = 0;
    std::optional<Poll> sut;
    auto made = Poll::create(loop, ours.get(), [&](Readiness ready) {
        ++calls;
        CHECK(ready.failed);
        CHECK_FALSE(theirs.valid());
        CHECK(sut->interest() == Interest::None);
        sut.reset();
    });
    REQUIRE(made.has_value());
    sut.emplace(std::move(*made));
    Timer later(loop, [&] { theirs.reset(); });

    sut->set(Interest::Failure);
    REQUIRE(::write(theirs.get(), "x", 1) == 1);  // neither bytes nor their end are asked for
    REQUIRE(::shutdown(theirs.get(), SHUT_WR) == 0);
    later.start(20ms);
    loop.run();

    CHECK(calls == 1);
}

TEST_CASE("poll: after an error nothing is polled until it is asked for again", "[loop]") {
    Loop loop;
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    Fd reader(fds[0]);
    Fd writer(fds[1]);
    reader.reset();  // a pipe nobody reads reports an error to its writer (poll(2), POLLERR)
    int failures = 0;
    std::optional<Poll> sut;
    auto made = Poll::create(loop, writer.get(), [&](Readiness ready) {
        REQUIRE(ready.failed);
        CHECK(sut->interest() == Interest::None);
        if (++failures == 1) {
            sut->set(Interest::Write);
        }
    });
    REQUIRE(made.has_value());
    sut.emplace(std::move(*made));

    sut->set(Interest::Write);
    loop.run();  // ends because nothing is polled any more

    CHECK(failures == 2);
}

TEST_CASE("async: another thread wakes the loop", "[loop]") {
    Loop loop;
    std::optional<Async> sut;
    bool woken = false;
    sut.emplace(loop, [&] {
        woken = true;
        sut.reset();
    });
    std::thread other([&] { sut->send(); });
    other.join();
    loop.run();
    CHECK(woken);
}

TEST_CASE("turn hooks: the loop does not block while there is work, and is told before and after it blocks", "[loop]") {
    Loop loop;
    int work = 3;
    int turns_after = 0;
    std::optional<Timer> alive;
    alive.emplace(loop, [] {});
    alive->start(24h);  // without work the loop would sleep until then
    std::optional<TurnHooks> sut;
    sut.emplace(
            loop, [&] { return work > 0; },
            [&] {
                ++turns_after;
                if (--work == 0) {
                    alive.reset();
                    loop.stop();
                }
            });
    loop.run();
    sut.reset();
    CHECK(turns_after == 3);
}

TEST_CASE("files: are written and read at their offsets off the loop's thread", "[loop]") {
    Loop loop;
    Fd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    REQUIRE(file.valid());
    std::array<char, 5> buffer{};
    std::int64_t written = 0;
    std::int64_t got = 0;
    write_file_async(loop, file.get(), "hello", 5, 100, [&](std::int64_t result) {
        written = result;
        read_file_async(loop, file.get(), buffer.data(), buffer.size(), 100, [&](std::int64_t bytes) { got = bytes; });
    });
    loop.run();
    CHECK(written == 5);
    CHECK(got == 5);
    CHECK(std::memcmp(buffer.data(), "hello", 5) == 0);
}

TEST_CASE("files: an error arrives as a negative errno", "[loop]") {
    Loop loop;
    Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    REQUIRE(full.valid());
    std::int64_t result = 0;
    write_file_async(loop, full.get(), "x", 1, 0, [&](std::int64_t bytes) { result = bytes; });
    loop.run();
    CHECK(result == -ENOSPC);
}
