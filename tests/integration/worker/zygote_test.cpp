// The zygote: one import, many workers.
#include "python_process.h"

#include <signal.h>
#include <sys/wait.h>

#include <fstream>

using fettle::test::attach;
using fettle::test::FakeBalancer;
using fettle::test::Folder;
using fettle::test::kWorker;
using fettle::test::make_balancer;
using fettle::test::PythonProcess;
using fettle::test::wait_for_exit;

namespace {

std::string proc(pid_t pid, const std::string& file) {
    std::ifstream stream("/proc/" + std::to_string(pid) + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// A worker that the zygote forked on request; killed and reaped at the end if it still runs.
struct ForkedWorker {
    const PythonProcess& zygote;
    fettle::ipc::ControlSocket control;
    FakeBalancer balancer = make_balancer();
    pid_t pid = -1;

    explicit ForkedWorker(const PythonProcess& its_zygote) : zygote(its_zygote) {
        auto pair = fettle::ipc::ControlSocket::make_pair();
        REQUIRE(pair.has_value());
        control = std::move(pair->first);
        const int child_end = pair->second.fd();
        const fettle::ipc::ForkWorker request{.worker = kWorker};
        REQUIRE(zygote.control().send(request, std::span(&child_end, 1)).has_value());
    }

    ForkedWorker(const ForkedWorker&) = delete;
    ForkedWorker& operator=(const ForkedWorker&) = delete;

    ~ForkedWorker() {
        if (pid > 0) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
        }
    }

    fettle::ipc::Envelope receive() {
        fettle::ipc::Envelope envelope;
        auto status = fettle::ipc::ControlSocket::Status::Empty;
        balancer.wait_until([&] {
            status = control.receive(envelope);
            return status != fettle::ipc::ControlSocket::Status::Empty;
        });
        INFO("log:\n" << zygote.log());
        REQUIRE(status == fettle::ipc::ControlSocket::Status::Message);
        return envelope;
    }

    void start() {
        const auto hello = receive();
        REQUIRE(hello.as<fettle::ipc::Hello>().has_value());
        CHECK(hello.as<fettle::ipc::Hello>()->worker == kWorker);
        pid = hello.sender_pid;
        attach(control, balancer, 1);
        REQUIRE(receive().as<fettle::ipc::Attached>().has_value());
        REQUIRE(receive().as<fettle::ipc::Ready>().has_value());
    }

    int wait() { return wait_for_exit(std::exchange(pid, -1)); }
};

}  // namespace

TEST_CASE("zygote: it reports what it loaded and forks workers that are our children", "[worker]") {
    Folder folder;
    PythonProcess zygote(folder, {.role = "zygote"});
    const auto ready = zygote.expect<fettle::ipc::ZygoteReady>();
    CHECK(ready.tasks == 1);
    CHECK(ready.text.view().substr(0, 8) == "CPython ");
    CHECK(proc(zygote.pid(), "cmdline").rfind("fettle: zygote 1", 0) == 0);

    ForkedWorker worker(zygote);
    worker.start();

    CHECK(worker.pid != zygote.pid());
    const std::string shown = worker.balancer.get("/process");
    INFO(shown);
    CHECK(shown.find("\"pid\": " + std::to_string(worker.pid) + ",") != std::string::npos);
    CHECK(shown.find("\"parent\": " + std::to_string(::getpid()) + ",") != std::string::npos);
    // Once for the trial, once for the worker, whose own hooks ran once.
    CHECK(shown.find(R"("forked": ["before", "parent", "before", "child"])") != std::string::npos);
    CHECK(shown.find(R"("blocked": [])") != std::string::npos);
    CHECK(proc(worker.pid, "cmdline").rfind(std::string("fettle: worker 3\0", 17), 0) == 0);
    CHECK(proc(worker.pid, "comm") == "fettle:worker3\n");

    const pid_t pid = worker.pid;
    REQUIRE(worker.control.send(fettle::ipc::StopWorker{.worker = kWorker}).has_value());
    CHECK(worker.wait() == 0);
    CHECK(folder.read("exited") == std::to_string(pid) + "\n");
}

TEST_CASE("zygote: workers are killed and replaced without a new import", "[worker]") {
    Folder folder;
    PythonProcess zygote(folder, {.role = "zygote"});
    (void)zygote.expect<fettle::ipc::ZygoteReady>();

    for (int round = 0; round < 5; ++round) {
        ForkedWorker worker(zygote);
        worker.start();
        CHECK(worker.balancer.get("/") == "Hello, world!");
        REQUIRE(::kill(worker.pid, SIGKILL) == 0);
        CHECK(worker.wait() == -SIGKILL);
    }
    CHECK(zygote.quiet());
}

TEST_CASE("zygote: it ends with its control socket, and its workers do not", "[worker]") {
    Folder folder;
    PythonProcess zygote(folder, {.role = "zygote"});
    (void)zygote.expect<fettle::ipc::ZygoteReady>();
    ForkedWorker worker(zygote);
    worker.start();

    SECTION("closed") {
        zygote.close_control();
        CHECK(zygote.wait() == 0);
    }
    SECTION("or killed, which we see although a worker lives") {
        zygote.signal(SIGKILL);
        CHECK(zygote.wait() == -SIGKILL);
        fettle::ipc::Envelope envelope;
        worker.balancer.wait_until(
                [&] { return zygote.control().receive(envelope) == fettle::ipc::ControlSocket::Status::Closed; });
    }
    CHECK(folder.read("exited").empty());  // exit handlers are the workers'
    CHECK(worker.balancer.get("/") == "Hello, world!");
}

TEST_CASE("zygote: signals that stop the service do not end it, and its workers still obey SIGTERM", "[worker]") {
    Folder folder;
    PythonProcess zygote(folder, {.role = "zygote"});
    (void)zygote.expect<fettle::ipc::ZygoteReady>();
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        zygote.signal(number);
    }

    ForkedWorker worker(zygote);
    worker.start();
    REQUIRE(::kill(worker.pid, SIGTERM) == 0);
    const auto leaving = worker.receive().as<fettle::ipc::Leaving>();
    REQUIRE(leaving.has_value());
    CHECK(leaving->signal == SIGTERM);
    REQUIRE(worker.control.send(fettle::ipc::StopWorker{.worker = kWorker}).has_value());
    CHECK(worker.wait() == 0);

    zygote.close_control();
    CHECK(zygote.wait() == 0);
}

TEST_CASE("zygote: a worker of it that gets no threads says so itself", "[worker]") {
    Folder folder;
    PythonProcess zygote(folder, {.role = "zygote", .target = "no_threads"});
    (void)zygote.expect<fettle::ipc::ZygoteReady>();
    ForkedWorker worker(zygote);
    worker.pid = worker.receive().sender_pid;
    attach(worker.control, worker.balancer, 2);
    REQUIRE(worker.receive().as<fettle::ipc::Attached>().has_value());
    const auto failed = worker.receive().as<fettle::ipc::LoadFailed>();
    REQUIRE(failed.has_value());
    CHECK(failed->stage == fettle::ipc::LoadStage::Threads);
    CHECK(worker.wait() == 4);
}

TEST_CASE("zygote: a worker nobody waits for ends without serving", "[worker]") {
    Folder folder;
    PythonProcess zygote(folder, {.role = "zygote"});
    (void)zygote.expect<fettle::ipc::ZygoteReady>();
    {
        ForkedWorker unwanted(zygote);
        unwanted.control = fettle::ipc::ControlSocket();
    }
    int status = 0;
    FakeBalancer clock = make_balancer();
    clock.wait_until([&] { return ::waitpid(-1, &status, WNOHANG) > 0; });
    CHECK(WIFEXITED(status));

    ForkedWorker worker(zygote);
    worker.start();
    CHECK(worker.balancer.get("/") == "Hello, world!");
}

TEST_CASE("zygote: threads that the import left running are counted and named", "[worker]") {
    Folder folder;
    PythonProcess zygote(folder, {.role = "zygote", .target = "with_thread"});
    const auto ready = zygote.expect<fettle::ipc::ZygoteReady>();

    CHECK(ready.tasks == 2);
    const std::string_view text = ready.text.view();
    CHECK(text.substr(text.find('\n') + 1) == "a-ticker");
}

TEST_CASE("zygote: an import that fails is reported and ends it", "[worker]") {
    Folder folder;
    PythonProcess zygote(folder, {.role = "zygote", .target = "import_fails"});
    const auto failed = zygote.expect<fettle::ipc::LoadFailed>();
    CHECK(failed.stage == fettle::ipc::LoadStage::Import);
    CHECK(failed.text.view().find("the import's own words") != std::string_view::npos);
    CHECK(zygote.wait() == 4);
}
