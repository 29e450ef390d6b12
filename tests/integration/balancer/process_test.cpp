// The balancer as a process of its own.
#include "balancer/app.h"
#include "tests/integration/balancer/harness.h"

#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

using namespace fettle;
using namespace fettle::test;

namespace {

std::string status_line(pid_t pid, const std::string& name) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.compare(0, name.size(), name) == 0) {
            return line.substr(name.size() + 1);
        }
    }
    return {};
}

}  // namespace

TEST_CASE("process: the balancer gives up its privileges, ignores signals and ends with its control socket",
          "[balancer]") {
    auto pair = ipc::ControlSocket::make_pair();
    REQUIRE(pair.has_value());
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        pair->first = ipc::ControlSocket();
        ::_exit(balancer::run({.control_fd = pair->second.release().release(), .incarnation = 1}));
    }
    pair->second = ipc::ControlSocket();
    ipc::Envelope envelope;
    REQUIRE(wait_until([&] { return pair->first.receive(envelope) == ipc::ControlSocket::Status::Message; }));
    CHECK(envelope.as<ipc::BalancerReady>().has_value());
    CHECK(envelope.sender_pid == pid);

    CHECK(status_line(pid, "NoNewPrivs:") == "1");
    CHECK(status_line(pid, "Uid:").find("0") != 0);  // never root, whoever runs the test
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
        REQUIRE(::kill(pid, number) == 0);
    }
    REQUIRE(pair->first.send(ipc::StopAccepting{}).has_value());
    REQUIRE(wait_until([&] { return pair->first.receive(envelope) == ipc::ControlSocket::Status::Message; }));
    CHECK(envelope.as<ipc::Quiesced>().has_value());

    pair->first = ipc::ControlSocket();
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
