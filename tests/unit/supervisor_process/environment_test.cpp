#include "supervisor/process/environment.h"

#include <catch2/catch.hpp>

using namespace fettle::supervisor;
using Entries = std::vector<std::string>;

TEST_CASE("workers inherit everything but what is meant for the supervisor") {
    const Entries inherited{
            "PATH=/bin",    "NOTIFY_SOCKET=/run/n", "WATCHDOG_USEC=1",     "WATCHDOG_PID=1",  "LISTEN_FDS=2",
            "LISTEN_PID=1", "LISTEN_FDNAMES=x",     "NOTIFY_SOCKETS=mine", "MY_LISTEN_FDS=3", "EMPTY=",
            "odd"};
    CHECK(python_environment(inherited, {}) ==
          Entries{"PATH=/bin", "NOTIFY_SOCKETS=mine", "MY_LISTEN_FDS=3", "EMPTY=", "odd"});
}

TEST_CASE("app.env is added and wins") {
    CHECK(python_environment({"A=1", "B=2"}, {{"B", "two"}, {"C", ""}}) == Entries{"A=1", "B=two", "C="});
    CHECK(python_environment({}, {{"LISTEN_FDS", "wanted"}}) == Entries{"LISTEN_FDS=wanted"});
}

TEST_CASE("fettle's own preloaded libraries do not reach the application, others do") {
    const auto preload = [](const std::string& value) { return python_environment({"LD_PRELOAD=" + value}, {}); };
    CHECK(preload("/opt/libjemalloc.so") == Entries{"LD_PRELOAD=/opt/libjemalloc.so"});
    CHECK(preload("/x/libfettle-probe.so").empty());
    CHECK(preload("/x/libfettle-probe.so:/opt/libjemalloc.so libother.so") ==
          Entries{"LD_PRELOAD=/opt/libjemalloc.so:libother.so"});
    CHECK(preload("").empty());
}
