// Start, stop, signals, new channels: the life of a worker process.
#include "ipc/scoreboard.h"
#include "python_process.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <set>

using fettle::test::attach;
using fettle::test::FakeBalancer;
using fettle::test::Folder;
using fettle::test::kPatience;
using fettle::test::kWorker;
using fettle::test::make_balancer;
using fettle::test::PythonProcess;
using fettle::test::ReadyWorker;

namespace {

// True once the worker's end of the control socket is closed.
bool closed_within_patience(const PythonProcess& process) {
    pollfd entry{.fd = process.control().fd(), .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&entry, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) == 1);
    fettle::ipc::Envelope envelope;
    return process.control().receive(envelope) == fettle::ipc::ControlSocket::Status::Closed;
}

}  // namespace

TEST_CASE("start: a worker greets, attaches, and is ready when its slots run", "[worker]") {
    Folder folder;
    FakeBalancer balancer = make_balancer();
    PythonProcess process(folder);

    const fettle::ipc::Envelope hello = process.receive();
    REQUIRE(hello.as<fettle::ipc::Hello>().has_value());
    CHECK(hello.as<fettle::ipc::Hello>()->worker == kWorker);
    CHECK(hello.sender_pid == process.pid());
    attach(process.control(), balancer, 1);
    CHECK(process.expect<fettle::ipc::Attached>().worker == kWorker);
    CHECK(process.expect<fettle::ipc::Ready>().worker == kWorker);
    CHECK(balancer.get("/") == "Hello, world!");
}

TEST_CASE("start: requests that came before the worker was ready are served", "[worker]") {
    Folder folder;
    FakeBalancer balancer = make_balancer();
    const auto key = balancer.push({.path = "/"});
    PythonProcess process(folder);
    (void)process.expect<fettle::ipc::Hello>();
    attach(process.control(), balancer, 1);

    CHECK(balancer.finish(key).body == "Hello, world!");
}

TEST_CASE("start: the application finds a clean house", "[worker]") {
    ReadyWorker worker;
    const std::string shown = worker.balancer.get("/process");
    INFO(shown);
    CHECK(shown.find(R"("argv": ["kitchen"])") != std::string::npos);
    CHECK(shown.find(std::string(R"("path": [")") + FETTLE_TEST_APPS + "\"") != std::string::npos);
    CHECK(shown.find("fettle/python") == std::string::npos);
    CHECK(shown.find(std::string(R"("cwd": ")") + FETTLE_TEST_APPS + "\"") != std::string::npos);
    CHECK(shown.find(R"("session_leader": true)") != std::string::npos);
    CHECK(shown.find(R"("blocked": [])") != std::string::npos);
    CHECK(shown.find(R"("thread": "MainThread")") != std::string::npos);
}

TEST_CASE("start: an application that cannot be loaded is reported with its traceback", "[worker]") {
    Folder folder;
    PythonProcess process(folder, {.target = "import_fails"});
    (void)process.expect<fettle::ipc::Hello>();
    const auto failed = process.expect<fettle::ipc::LoadFailed>();

    const std::string text(failed.text.view());
    INFO(text);
    CHECK(failed.stage == fettle::ipc::LoadStage::Import);
    CHECK(text.find("ValueError: the import's own words") != std::string::npos);
    CHECK(text.find("in deeper") != std::string::npos);
    CHECK(text.find("boot.py") == std::string::npos);
    CHECK(process.wait() == 4);
    CHECK(process.log().empty());
}

TEST_CASE("start: a directory that is not there is named", "[worker]") {
    Folder folder;
    PythonProcess process(folder, {.chdir = "/no/such/directory"});
    (void)process.expect<fettle::ipc::Hello>();
    const auto failed = process.expect<fettle::ipc::LoadFailed>();
    CHECK(failed.text.view().find("'/no/such/directory': No such file or directory") != std::string_view::npos);
    CHECK(process.wait() == 4);
}

TEST_CASE("start: an interpreter without a runtime is told which one is missing", "[worker]") {
    Folder folder;
    std::filesystem::create_directories(folder.path() / "fettle");
    for (const char* file : {"__init__.py", "boot.py", "streams.py", "wire.py"}) {
        std::filesystem::copy(std::string(FETTLE_TEST_RUNTIME) + "/fettle/" + file, folder.path() / "fettle" / file);
    }
    folder.write("fettle/_fettle.cpython-27-m68k.so", "");
    PythonProcess process(folder, {.role = "zygote", .runtime = folder.path().string()});
    const auto failed = process.expect<fettle::ipc::LoadFailed>();

    const std::string text(failed.text.view());
    INFO(text);
    CHECK(failed.stage == fettle::ipc::LoadStage::Runtime);
    CHECK(text.find("fettle has no runtime for this interpreter") == 0);
    CHECK(text.find("there is: _fettle.cpython-27-m68k.so") != std::string::npos);
    CHECK(process.wait() == 6);
}

TEST_CASE("start: a worker whose supervisor is gone already ends at once", "[worker]") {
    Folder folder;
    PythonProcess process(folder, {.supervisor_pid = 1});
    CHECK(process.wait() == 0);
}

TEST_CASE("start: an import that hangs ends with the control socket", "[worker]") {
    Folder folder;
    PythonProcess process(folder, {.target = "hangs"});
    (void)process.expect<fettle::ipc::Hello>();
    SECTION("closed") {
        process.close_control();
    }
    SECTION("or told to stop") {
        REQUIRE(process.control().send(fettle::ipc::StopWorker{.worker = kWorker}).has_value());
    }
    CHECK(process.wait() == 0);
}

TEST_CASE("check: the application is loaded, reported and left", "[worker]") {
    Folder folder;
    PythonProcess process(folder, {.role = "check"});
    CHECK(process.expect<fettle::ipc::ZygoteReady>().tasks == 1);
    CHECK(process.wait() == 0);
}

TEST_CASE("stop: the running request is finished, exit handlers run, exit code 0", "[worker]") {
    ReadyWorker worker;
    const auto key = worker.balancer.push({.method = "POST", .path = "/echo", .last = false, .unknown_length = true});
    worker.balancer.wait_until(
            [&] { return worker.balancer.channel().state(key) == fettle::ipc::RequestState::Claimed; });
    REQUIRE(worker.process.control().send(fettle::ipc::StopWorker{.worker = kWorker}).has_value());
    worker.balancer.push_body(key, "finished", true);

    CHECK(worker.balancer.finish(key).body == "finished");
    CHECK(worker.process.wait() == 0);
    CHECK_FALSE(worker.folder.read("exited").empty());
    CHECK(worker.process.log().empty());
}

TEST_CASE("stop: with several slots all of them finish", "[worker]") {
    ReadyWorker worker({}, 3);
    const auto first = worker.balancer.push({.path = "/meet"}, 0);
    const auto second = worker.balancer.push({.path = "/meet"}, 1);
    worker.balancer.wait_until([&] {
        return worker.balancer.channel(1).state(second) == fettle::ipc::RequestState::Claimed &&
               worker.balancer.channel(0).state(first) == fettle::ipc::RequestState::Claimed;
    });
    const auto third = worker.balancer.push({.path = "/meet"}, 2);
    worker.balancer.wait_until([&] { return worker.balancer.answer(third, 2).ended; });
    CHECK(worker.stop() == 0);
    CHECK(worker.balancer.finish(first, 0).status == 200);
    CHECK(worker.balancer.finish(second, 1).status == 200);
}

TEST_CASE("stop: at the end of the control socket the running request is finished too", "[worker]") {
    ReadyWorker worker;
    const auto key = worker.balancer.push({.method = "POST", .path = "/echo", .last = false, .unknown_length = true});
    worker.balancer.wait_until(
            [&] { return worker.balancer.channel().state(key) == fettle::ipc::RequestState::Claimed; });
    worker.process.close_control();
    worker.balancer.push_body(key, "finished", true);

    CHECK(worker.balancer.finish(key).body == "finished");
    CHECK(worker.process.wait() == 0);
}

TEST_CASE("stop: a request that does not end is given up after graceful_seconds", "[worker]") {
    ReadyWorker worker({.graceful_seconds = 0.1});
    const auto key = worker.balancer.push({.method = "POST", .path = "/echo", .last = false, .unknown_length = true});
    worker.balancer.wait_until(
            [&] { return worker.balancer.channel().state(key) == fettle::ipc::RequestState::Claimed; });
    worker.process.close_control();

    CHECK(worker.process.wait() == 0);
    CHECK(worker.folder.read("exited").empty());
}

TEST_CASE("signals: SIGTERM makes the worker ask to leave, and serve until it is drained", "[worker]") {
    const std::uint32_t slots = GENERATE(1U, 2U);
    ReadyWorker worker({}, slots);
    worker.process.signal(SIGTERM);

    CHECK(worker.process.expect<fettle::ipc::Leaving>().signal == SIGTERM);
    CHECK(worker.balancer.get("/") == "Hello, world!");
    worker.process.signal(SIGTERM);
    CHECK(worker.balancer.get("/") == "Hello, world!");
    CHECK(worker.process.quiet());  // said once
    CHECK(worker.stop() == 0);
}

TEST_CASE("signals: a handler of the application for SIGTERM is left alone", "[worker]") {
    ReadyWorker worker({.target = "own_term"});
    worker.process.signal(SIGTERM);

    worker.balancer.wait_until([&] { return worker.balancer.get("/") == "term"; });
    CHECK(worker.process.quiet());
}

TEST_CASE("signals: Python's handlers run while the slot is idle", "[worker]") {
    const std::uint32_t slots = GENERATE(1U, 2U);
    ReadyWorker worker({}, slots);
    worker.process.signal(SIGUSR1);

    worker.balancer.wait_until([&] { return worker.balancer.get("/kept") == R"(["handled"])"; });
}

TEST_CASE("signals: a handler that raises is reported and survived", "[worker]") {
    const std::uint32_t slots = GENERATE(1U, 2U);
    ReadyWorker worker({}, slots);
    worker.process.signal(SIGUSR2);

    worker.process.wait_for_log("ValueError: the handler's own words");
    CHECK(worker.balancer.get("/") == "Hello, world!");
    CHECK(worker.process.quiet());
    CHECK(worker.stop() == 0);
}

TEST_CASE("signals: SIGINT is Python's KeyboardInterrupt, and makes the worker leave", "[worker]") {
    const std::uint32_t slots = GENERATE(1U, 2U);
    ReadyWorker worker({}, slots);
    worker.process.signal(SIGINT);

    CHECK(worker.process.expect<fettle::ipc::Leaving>().signal == 0);
    CHECK(worker.balancer.get("/") == "Hello, world!");
    CHECK(worker.stop() == 0);
}

TEST_CASE("threads: several slots run at the same time in one process", "[worker]") {
    ReadyWorker worker({}, 3);
    std::vector<fettle::ipc::RequestKey> keys;
    for (std::uint32_t lane = 0; lane < 3; ++lane) {
        keys.push_back(worker.balancer.push({.path = "/meet"}, lane));
    }
    std::set<std::string> threads;
    for (std::uint32_t lane = 0; lane < 3; ++lane) {
        threads.insert(worker.balancer.finish(keys[lane], lane).body);
    }
    CHECK(threads == std::set<std::string>{"fettle-slot-0", "fettle-slot-1", "fettle-slot-2"});
    CHECK(worker.balancer.get("/environ").find(R"("wsgi.multithread": true)") != std::string::npos);
}

TEST_CASE("balancer crash: the same process serves the next balancer's channels", "[worker]") {
    const std::uint32_t slots = GENERATE(1U, 2U);
    ReadyWorker worker({}, slots);
    const std::string before = worker.balancer.get("/process");

    FakeBalancer next = make_balancer({.threads = 2, .lanes = 4}, 2);
    attach(worker.process.control(), next, slots);

    CHECK(worker.process.expect<fettle::ipc::Attached>().balancer_incarnation == 2);
    if (slots == 1) {
        CHECK(next.get("/process") == before);
    }
    CHECK(next.get("/") == "Hello, world!");
    CHECK(worker.stop() == 0);
}

TEST_CASE("balancer crash: a request that waits for the lost balancer is given up, and closed", "[worker]") {
    ReadyWorker worker;
    SECTION("for credit") {
        const auto key = worker.balancer.push({.path = "/endless"});
        worker.balancer.wait_until(
                [&] { return worker.balancer.answer(key).body.size() == fettle::ipc::kStreamWindow; });
    }
    SECTION("for the request's body") {
        const auto key =
                worker.balancer.push({.method = "POST", .path = "/echo", .last = false, .unknown_length = true});
        worker.balancer.wait_until(
                [&] { return worker.balancer.channel().state(key) == fettle::ipc::RequestState::Claimed; });
    }
    const auto unclaimed = worker.balancer.push({.path = "/"});

    FakeBalancer next = make_balancer({.threads = 1, .lanes = 4}, 2);
    attach(worker.process.control(), next, 1);

    CHECK(next.get("/") == "Hello, world!");
    CHECK(worker.balancer.channel().state(unclaimed) == fettle::ipc::RequestState::Queued);
    CHECK(worker.process.log().empty());
}

TEST_CASE("balancer crash: a worker that cannot use the new channels says why and ends", "[worker]") {
    ReadyWorker worker({}, 3);
    FakeBalancer next = make_balancer({.threads = 1, .lanes = 2}, 2);
    attach(worker.process.control(), next, 2);

    CHECK(worker.process.wait() == 1);
    CHECK(worker.process.log().find("cannot attach to the balancer: there are fewer lanes than running slots") !=
          std::string::npos);
}

TEST_CASE("scoreboard: counters, memory and heartbeat can be read from outside", "[worker]") {
    ReadyWorker worker;
    (void)worker.balancer.get("/");
    (void)worker.balancer.ask({.path = "/raises"});
    const auto running =
            worker.balancer.push({.method = "POST", .path = "/echo", .last = false, .unknown_length = true});
    worker.balancer.wait_until(
            [&] { return worker.balancer.channel().state(running) == fettle::ipc::RequestState::Claimed; });

    const auto fds = worker.balancer.channels().duplicate_fds();
    REQUIRE(fds.has_value());
    auto scoreboard =
            fettle::ipc::ScoreboardReader::map(fds->response_file.get(), worker.balancer.channels().geometry());
    REQUIRE(scoreboard.has_value());
    worker.balancer.wait_until([&] { return scoreboard->lane(0).started == 3; });
    CHECK(scoreboard->lane(0).finished == 2);
    CHECK(scoreboard->lane(0).failed == 1);
    CHECK(scoreboard->lane(0).running_since_ns > 0);
    CHECK(scoreboard->lane(0).busy_ns > 0);
    worker.balancer.push_body(running, "", true);
    worker.balancer.wait_until([&] { return scoreboard->lane(0).finished == 3; });
    CHECK(scoreboard->lane(0).running_since_ns == 0);
    worker.balancer.wait_until([&] { return scoreboard->pss_bytes() > 1'000'000; });
    CHECK(scoreboard->pss_bytes() < 1'000'000'000);
}

TEST_CASE("death: a killed worker leaves words that say how far each request came", "[worker]") {
    ReadyWorker worker;
    const auto claimed =
            worker.balancer.push({.method = "POST", .path = "/stream", .last = false, .unknown_length = true});
    const auto queued = worker.balancer.push({.path = "/"});
    worker.balancer.wait_until([&] { return worker.balancer.answer(claimed).body == "start"; });
    worker.process.signal(SIGKILL);

    CHECK(worker.process.wait() == -SIGKILL);
    CHECK(closed_within_patience(worker.process));
    CHECK(worker.balancer.channel().state(claimed) == fettle::ipc::RequestState::Responding);
    CHECK(worker.balancer.channel().state(queued) == fettle::ipc::RequestState::Queued);
}
