// Applications and systems that a worker has to stop for: bodies without an end, crashes, no threads, wrong
// interpreters.
#include "python_process.h"

#include <signal.h>

#include <filesystem>

using fettle::ipc::ResponseKind;
using fettle::test::Answer;
using fettle::test::attach;
using fettle::test::FakeBalancer;
using fettle::test::Folder;
using fettle::test::make_balancer;
using fettle::test::PythonProcess;
using fettle::test::ReadyWorker;

TEST_CASE("response: what is yielded beyond Content-Length ends the response, not the worker", "[worker]") {
    ReadyWorker worker({.target = "rough"});
    const std::string path = GENERATE("/surplus", "/surplus-empty");
    const Answer answer = worker.balancer.ask({.path = path});
    CHECK(answer.body == (path == "/surplus" ? "aba" : "abc"));
    CHECK(answer.last_kind() == ResponseKind::End);
    CHECK(worker.balancer.get("/notes") == "closed");
    CHECK(worker.process.log().empty());
}

TEST_CASE("response: a generator that keeps to its Content-Length runs to its end", "[worker]") {
    ReadyWorker worker({.target = "rough"});
    CHECK(worker.balancer.get("/epilogue") == "abc");
    CHECK(worker.balancer.get("/notes") == "epilogue,closed");
}

TEST_CASE("response: an application that sends nothing notices that its client has left", "[worker]") {
    ReadyWorker worker({.target = "rough"});
    const std::string path = GENERATE("/empty", "/writes");
    // What write() gives beyond Content-Length is an error at once, but for HEAD, which has no body to be too long.
    const auto key = worker.balancer.push({.method = path == "/writes" ? "HEAD" : "GET", .path = path});
    worker.balancer.wait_until([&] { return std::filesystem::exists(worker.folder.path() / "began"); });
    worker.balancer.cancel(key);
    (void)worker.balancer.finish(key);
    CHECK(worker.balancer.get("/notes") == (path == "/empty" ? "closed" : "stopped"));
}

TEST_CASE("crash: the Python stack of a worker that is aborted is in the log", "[worker]") {
    ReadyWorker worker({.environment = {{"PYTHONDEVMODE", "0"}}}, 2);
    worker.process.signal(SIGABRT);
    CHECK(worker.process.wait() == -SIGABRT);
    const std::string log = worker.process.log();
    INFO(log);
    CHECK(log.find("Fatal Python error: Aborted") != std::string::npos);
    CHECK(log.find("worker.py\", line ") != std::string::npos);
    CHECK(log.find("in _serve_with_threads") != std::string::npos);
}

TEST_CASE("start: a worker that gets no threads says so and ends", "[worker]") {
    const Folder folder;
    FakeBalancer balancer = make_balancer();
    PythonProcess process(folder, {.target = "no_threads"});
    (void)process.expect<fettle::ipc::Hello>();
    attach(process.control(), balancer, 2);
    (void)process.expect<fettle::ipc::Attached>();
    const auto failed = process.expect<fettle::ipc::LoadFailed>();
    CHECK(failed.stage == fettle::ipc::LoadStage::Threads);
    CHECK(failed.text.view().find("cannot start its threads: can't start new thread;") != std::string_view::npos);
    CHECK(process.wait() == 4);
}

namespace {

// An executable in `folder` that runs what follows its first argument, a script, as `code` says.
std::string fake_python(const Folder& folder, const std::string& code) {
    folder.write("fake.py", code);
    folder.write("python", "#!/bin/sh\nexec python3 '" + (folder.path() / "fake.py").string() + "' \"$@\"\n");
    std::filesystem::permissions(folder.path() / "python", std::filesystem::perms::owner_all);
    return (folder.path() / "python").string();
}

}  // namespace

TEST_CASE("start: an interpreter that is too old is named, with the exit code for it", "[worker]") {
    const Folder folder;
    const std::string python = fake_python(folder,
                                           "import runpy, sys\n"
                                           "sys.argv[:] = sys.argv[1:]\n"
                                           "sys.version_info = (2, 7, 18, 'final', 0)\n"
                                           "runpy.run_path(sys.argv[0], run_name='__main__')\n");
    PythonProcess process(folder, {.role = "zygote", .python = python});
    CHECK(process.wait() == 6);
    const std::string log = process.log();
    INFO(log);
    CHECK(log.rfind("fettle: ", 0) == 0);
    CHECK(log.find(" is Python 2.7; fettle needs CPython 3.11 or newer") != std::string::npos);
}

TEST_CASE("start: an interpreter without format strings and annotations can parse what refuses it", "[worker]") {
    const Folder folder;
    const std::string python = fake_python(folder,
                                           "import ast, sys\n"
                                           "tree = ast.parse(open(sys.argv[1]).read(), feature_version=(3, 4))\n"
                                           "new = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Nonlocal)\n"
                                           "sys.exit(any(isinstance(node, new) or getattr(node, 'annotation', None)\n"
                                           "             or getattr(node, 'returns', None)\n"
                                           "             or isinstance(node, ast.Raise) and node.cause\n"
                                           "             for node in ast.walk(tree)))\n");
    PythonProcess process(folder, {.role = "zygote", .python = python});
    CHECK(process.wait() == 0);
}
