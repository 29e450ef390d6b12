#include "base/fd.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <utility>

using fettle::Fd;

namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) != -1;
}

Fd open_null() {
    return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

TEST_CASE("fd: closes what it owns, once", "[base]") {
    int raw = -1;
    {
        Fd sut = open_null();
        raw = sut.get();
        REQUIRE(is_open(raw));
        Fd moved = std::move(sut);
        CHECK_FALSE(sut.valid());  // NOLINT(bugprone-use-after-move): that is what is tested
        CHECK(moved.get() == raw);
    }
    CHECK_FALSE(is_open(raw));
}

TEST_CASE("fd: release gives up ownership", "[base]") {
    Fd sut = open_null();
    const int raw = sut.release();
    CHECK_FALSE(sut.valid());
    REQUIRE(is_open(raw));
    ::close(raw);
}

TEST_CASE("fd: moving into one closes what it held", "[base]") {
    Fd sut = open_null();
    const int old = sut.get();
    Fd other = open_null();
    const int fresh = other.get();

    sut = std::move(other);

    CHECK_FALSE(is_open(old));
    CHECK(sut.get() == fresh);
}

TEST_CASE("fd: a duplicate is close-on-exec and above the standard streams", "[base]") {
    const Fd sut = open_null();
    const auto copy = sut.duplicate();
    REQUIRE(copy.has_value());
    CHECK(copy->get() >= 3);
    CHECK((::fcntl(copy->get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_FALSE(Fd(-1).duplicate().has_value());
}
