// The supervisor as a whole with a fake interpreter and a fake balancer (fake_process.cpp), which can be made to fail
// at will. The real ones are tested by tests/e2e.
#include "base/exit_codes.h"
#include "processes.h"
#include "service.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <map>

using namespace fettle;
using namespace fettle::testing;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// The worker of each seat, once all serve.
std::map<int, pid_t> workers(Service& service, int seats) {
    std::map<int, pid_t> found;
    while (static_cast<int>(found.size()) < seats) {
        const std::string line = service.wait_for_line("worker ready");
        found[Service::number(line, "seat")] = Service::number(line, "pid");
    }
    return found;
}

// Nothing is left: no process, and the log's last word is the right one.
void check_end(Service& service, ExitCode expected) {
    const std::vector<pid_t> before = service.processes();
    CHECK(service.wait_for_end() == static_cast<int>(expected));
    for (const pid_t pid : before) {
        CHECK_FALSE(is_running(pid));
    }
    CHECK(service.processes().empty());
}

}  // namespace

TEST_CASE("workers are forked, served and stopped, and nothing is left behind") {
    Service service("ok");
    const auto balancer = service.wait_for_line("balancer ready");
    const auto imported = service.wait_for_line("application imported");
    CHECK(contains(imported, "interpreter='FakePython 1.0' took=12ms"));
    CHECK(contains(service.wait_for_line("serving on"), "serving on http://127.0.0.1:"));
    const auto pids = workers(service, 2);
    for (const auto& [seat, pid] : pids) {
        CHECK(is_running(pid));
    }
    service.send_signal(SIGTERM);
    CHECK(contains(service.wait_for_line("stopping"), "signal=SIGTERM"));
    check_end(service, ExitCode::Ok);
    CHECK(service.count_lines("worker left") == 2);
    CHECK(service.count_lines("cause='exit code 0'") == 4);
    CHECK(service.count_lines("died") == 0);
}

TEST_CASE("a killed worker is named with its cause and replaced; the others go on") {
    Service service("ok");
    const auto before = workers(service, 2);
    REQUIRE(::kill(before.at(1), SIGKILL) == 0);
    const std::string died = service.wait_for_line("worker died");
    CHECK(contains(died, "seat=1 pid=" + std::to_string(before.at(1))));
    CHECK(contains(died, "cause='signal 9 (SIGKILL), not sent by fettle'"));
    CHECK(contains(died, "requests=0"));
    CHECK(contains(died, "next='restarting in 0.1 s (early death 1)'"));  // it had served nothing
    const std::string ready = service.wait_for_line("worker ready seat=1");
    CHECK(Service::number(ready, "incarnation") == 3);
    CHECK(is_running(before.at(0)));
    service.send_signal(SIGINT);
    check_end(service, ExitCode::Ok);
}

TEST_CASE("a killed balancer is replaced and the same workers are attached to the new one") {
    Service service("ok");
    const auto before = workers(service, 2);
    for (int round = 1; round <= 3; ++round) {
        const pid_t balancer = Service::number(service.wait_for_line("balancer ready"), "pid");
        REQUIRE(::kill(balancer, SIGKILL) == 0);
        CHECK(contains(service.wait_for_line("balancer died"), "SIGKILL"));
        CHECK(Service::number(service.wait_for_line("attached to the new balancer seat=0"), "pid") == before.at(0));
        CHECK(Service::number(service.wait_for_line("attached to the new balancer seat=1"), "pid") == before.at(1));
    }
    CHECK(service.count_lines("worker died") == 0);
    service.send_signal(SIGTERM);
    check_end(service, ExitCode::Ok);
}

TEST_CASE("a killed zygote costs the workers nothing, and the next one forks") {
    Service service("ok");
    const auto before = workers(service, 2);
    REQUIRE(::kill(Service::number(service.wait_for_line("application imported"), "pid"), SIGKILL) == 0);
    service.wait_for_line("zygote died");
    service.wait_for_line("application imported");
    CHECK(is_running(before.at(0)));
    CHECK(is_running(before.at(1)));
    REQUIRE(::kill(before.at(0), SIGSYS) == 0);  // one that no sanitizer takes over
    CHECK(contains(service.wait_for_line("worker died"), "SIGSYS"));
    service.wait_for_line("worker ready seat=0");
    service.send_signal(SIGTERM);
    check_end(service, ExitCode::Ok);
}

TEST_CASE("a zygote that dies or cannot fork when it is asked is no reason to give up") {
    const std::string fault = GENERATE("zygote-dies", "zygote-hangs");
    Service service(fault);
    CHECK(contains(service.wait_for_line(fault == "zygote-dies" ? "zygote died" : "zygote is ended by force"),
                   "zygote"));
    CHECK(workers(service, 2).size() == 2);
    service.send_signal(SIGTERM);
    check_end(service, ExitCode::Ok);
}

TEST_CASE("an import that leaves threads behind is said with their names, and workers start by exec") {
    Service service("threads");
    CHECK(contains(service.wait_for_line("left a thread behind"), "threads='background'"));
    const auto pids = workers(service, 2);
    REQUIRE(::kill(pids.at(0), SIGKILL) == 0);
    service.wait_for_line("worker ready seat=0");
    service.send_signal(SIGTERM);
    check_end(service, ExitCode::Ok);
}

TEST_CASE("without preload no zygote is there") {
    config::Config config = Service::config_with(2);
    config.app.preload = false;
    Service service("ok", config);
    CHECK(workers(service, 2).size() == 2);
    CHECK(service.count_lines("application imported") == 0);
    service.send_signal(SIGTERM);
    check_end(service, ExitCode::Ok);
}

TEST_CASE("an application that cannot be imported ends the first start at once, and says once why") {
    Service service("no-import");
    CHECK(contains(service.wait_for_line("cannot load the application"), "no module named 'shop'"));
    CHECK(contains(service.wait_for_line("stopped"), "exit_code=4"));
    check_end(service, ExitCode::AppLoad);
    CHECK(service.count_lines("cannot be imported") == 0);  // the line above has said it
}

TEST_CASE("an import that kills the interpreter ends the first start, with the signal") {
    Service service("crash-import");
    CHECK(contains(service.wait_for_line("zygote died"), "SIGSEGV"));
    check_end(service, ExitCode::AppLoad);
}

TEST_CASE("an import that never ends is stopped by timeouts.start, and by Ctrl-C at once") {
    config::Config config = Service::config_with(1);
    config.timeouts.start = config::Seconds(0.3);
    Service slow("hang-import", config);
    CHECK(contains(slow.wait_for_line("zygote is ended by force"), "it was not ready within 0.3 s; if its import needs longer, raise timeouts.start"));
    check_end(slow, ExitCode::AppLoad);

    Service interrupted("hang-import");
    interrupted.wait_for_line("balancer ready");
    interrupted.send_signal(SIGINT);
    check_end(interrupted, ExitCode::Ok);
    CHECK(interrupted.count_lines("by force") == 0);
}

TEST_CASE("a missing runtime, interpreter or port each has its exit code") {
    Service no_runtime("no-runtime");
    check_end(no_runtime, ExitCode::Interpreter);

    config::Config config = Service::config_with(1);
    config.python.gil = "/nonexistent/python9";
    Service no_interpreter("ok", config);
    CHECK(contains(no_interpreter.wait_for_line("python9"), "does not exist"));
    check_end(no_interpreter, ExitCode::Interpreter);

    config.python.gil = "/etc/hostname";
    Service first("ok");
    const std::string serving = first.wait_for_line("serving on");
    config = Service::config_with(1);
    config.listen.bind = {serving.substr(serving.find("127.0.0.1"))};
    Service second("ok", config);
    CHECK(contains(second.wait_for_line("already in use"), "by process "));
    check_end(second, ExitCode::Bind);
    first.send_signal(SIGTERM);
    check_end(first, ExitCode::Ok);
}

TEST_CASE("workers that never become ready end the first start after five attempts of each seat") {
    const std::string fault = GENERATE("dies", "fork-fails");
    Service service(fault);
    check_end(service, ExitCode::NeverReady);
    CHECK(service.count_lines("next='giving up'") == 2);
    CHECK(service.count_lines("no worker became ready in 5 attempts") == 1);
}

TEST_CASE("a worker that is not ready in time is ended by force and tried again") {
    config::Config config = Service::config_with(1);
    config.timeouts.start = config::Seconds(0.3);
    config.restart.start_attempts = 2;
    Service service("mute", config);
    const std::string forced = service.wait_for_line("worker is ended by force");
    CHECK(contains(forced, "signal=SIGABRT"));
    CHECK(contains(forced, "timeouts.start"));
    check_end(service, ExitCode::NeverReady);
}

TEST_CASE("a worker that breaks the protocol is killed") {
    const std::string fault = GENERATE("rude", "stranger");
    Service service(fault, Service::config_with(1));
    CHECK(contains(service.wait_for_line("worker is ended by force"), "signal=SIGKILL reason='it broke the protocol'"));
    CHECK(contains(service.wait_for_line("worker died"), "sent by fettle"));
    service.send_signal(SIGTERM);
    check_end(service, ExitCode::Ok);
}

TEST_CASE("a balancer that refuses to start ends the first start with its own code") {
    Service service("refuses");
    service.wait_for_line("balancer died");
    check_end(service, ExitCode::Configuration);
}

TEST_CASE("a balancer that talks nonsense is replaced; no worker is to blame") {
    Service service("garbles");
    service.wait_for_line("balancer pid=");
    CHECK(contains(service.wait_for_line("balancer died"), "sent by fettle"));
    CHECK(workers(service, 2).size() == 2);
    CHECK(service.count_lines("worker died") == 0);
    service.send_signal(SIGTERM);
    check_end(service, ExitCode::Ok);
}

TEST_CASE("a worker that ignores the stop is ended by force, and the exit code is still 0") {
    config::Config config = Service::config_with(2);
    config.timeouts.term = config::Seconds(0.2);
    Service service("deaf", config);
    (void)workers(service, 2);
    service.send_signal(SIGTERM);
    CHECK(contains(service.wait_for_line("worker is ended by force"), "it did not exit within 0.2 s (timeouts.term)"));
    check_end(service, ExitCode::Ok);
}

TEST_CASE("requests that do not end hold a stop for timeouts.graceful and no longer") {
    config::Config config = Service::config_with(1);
    config.timeouts.graceful = config::Seconds(0.3);
    Service service("unquiet", config);
    (void)workers(service, 1);
    service.send_signal(SIGTERM);
    check_end(service, ExitCode::Ok);
}

TEST_CASE("a second signal stops at once") {
    Service service("unquiet+deaf");
    (void)workers(service, 2);
    service.send_signal(SIGTERM);
    service.wait_for_line("stopping signal=SIGTERM");
    service.send_signal(SIGINT);
    service.wait_for_line("stopping at once");
    const auto start = std::chrono::steady_clock::now();
    check_end(service, ExitCode::Ok);
    CHECK(std::chrono::steady_clock::now() - start < 5s);
    CHECK(service.count_lines("reason='fettle stops at once'") == 2);
}

TEST_CASE("signals that have no meaning yet change nothing") {
    Service service("ok");
    const auto pids = workers(service, 2);
    for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGPIPE}) {
        service.send_signal(signal);
    }
    service.wait_for_line("SIGHUP was received and is ignored");
    service.wait_for_line("SIGUSR2 was received and is ignored");
    CHECK(is_running(pids.at(0)));
    CHECK(is_running(pids.at(1)));
    service.send_signal(SIGQUIT);
    check_end(service, ExitCode::Ok);
}

TEST_CASE("when the supervisor itself is killed, every child ends") {
    Service service("ok");
    (void)workers(service, 2);
    const std::vector<pid_t> processes = service.processes();
    CHECK(processes.size() >= 4);
    service.send_signal(SIGKILL);
    CHECK(service.wait_for_end() == 1000 + SIGKILL);
    CHECK(wait_until([&] {
        for (const pid_t pid : processes) {
            if (is_running(pid)) {
                return false;
            }
        }
        return true;
    }));
}

TEST_CASE("two hundred killed workers leave neither zombies nor descriptors") {
    Service service("busy", Service::config_with(4));
    auto pids = workers(service, 4);
    const auto descriptors = [&] {
        const std::filesystem::directory_iterator entries("/proc/" + std::to_string(service.pid()) + "/fd");
        return std::distance(begin(entries), end(entries));
    };
    const auto before = descriptors();
    for (int round = 0; round < 200; ++round) {
        const int seat = round % 4;
        REQUIRE(::kill(pids.at(seat), SIGKILL) == 0);
        const std::string died = service.wait_for_line("worker died seat=" + std::to_string(seat));
        REQUIRE(contains(died, "requests=1 next='restarting now'"));
        pids[seat] = Service::number(service.wait_for_line("worker ready seat=" + std::to_string(seat)), "pid");
    }
    CHECK(wait_until([&] { return descriptors() == before; }));
    CHECK(children_of(service.pid()).size() == 6);  // the balancer, the zygote and the workers; no zombie
    service.send_signal(SIGTERM);
    check_end(service, ExitCode::Ok);
}
