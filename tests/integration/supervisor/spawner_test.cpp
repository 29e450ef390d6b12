#include "supervisor/process/spawner.h"

#include "processes.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>

using namespace fettle;
using namespace fettle::supervisor;
using namespace fettle::testing;
using namespace std::chrono_literals;

namespace {

struct Output {
    std::string text;
    int status = 0;
};

// Runs to the end; standard output is collected.
Output run(SpawnRequest request) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    request.fds.push_back({write_end.get(), STDOUT_FILENO});
    const auto spawned = spawn(request);
    REQUIRE(spawned);
    write_end.reset();
    Output output;
    char buffer[4096];
    for (ssize_t got = 1; got > 0;) {
        got = ::read(read_end.get(), buffer, sizeof(buffer));
        output.text.append(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    REQUIRE(::waitpid(spawned->pid, &output.status, 0) == spawned->pid);
    return output;
}

SpawnRequest shell(const std::string& script) {
    SpawnRequest request;
    request.executable = "/bin/sh";
    request.arguments = {"sh", "-c", script};
    request.environment = {"PATH=/usr/bin:/bin"};
    return request;
}

// Spawns, waits for the report and reaps.
std::optional<SpawnFailure> failure_of(const SpawnRequest& request) {
    const auto spawned = spawn(request);
    REQUIRE(spawned);
    const auto failure = wait_for_exec(spawned->report.get(), std::chrono::steady_clock::now() + 10s);
    if (!failure) {
        ::kill(spawned->pid, SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(spawned->pid, &status, 0) == spawned->pid);
    if (failure) {
        CHECK(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 127);
    }
    return failure;
}

}  // namespace

TEST_CASE("a program that exists starts, with its arguments, and reports nothing") {
    const auto output = run(shell("printf '%s|' \"$0\" \"$@\""));
    CHECK(output.text == "sh|");
    CHECK_FALSE(failure_of(shell("exec sleep 1000")));
}

TEST_CASE("a missing program is reported with its stage and reason") {
    SpawnRequest request = shell("true");
    request.executable = "/nonexistent/python9";
    const auto failure = failure_of(request);
    REQUIRE(failure);
    CHECK(*failure == SpawnFailure{SpawnStage::Exec, ENOENT});
    CHECK(describe(*failure, request) == "cannot execute '/nonexistent/python9': No such file or directory");
}

TEST_CASE("a file that is no program is reported") {
    SpawnRequest request = shell("true");
    request.executable = "/etc/passwd";
    const auto failure = failure_of(request);
    REQUIRE(failure);
    CHECK(*failure == SpawnFailure{SpawnStage::Exec, EACCES});
}

TEST_CASE("a bad working directory is reported, a good one is used") {
    SpawnRequest request = shell("pwd");
    request.directory = "/nonexistent";
    const auto failure = failure_of(request);
    REQUIRE(failure);
    CHECK(*failure == SpawnFailure{SpawnStage::Directory, ENOENT});
    CHECK(describe(*failure, request) == "cannot change to the directory '/nonexistent': No such file or directory");
    request.directory = "/usr";
    CHECK(run(request).text == "/usr\n");
}

TEST_CASE("a descriptor that is not open is reported") {
    SpawnRequest request = shell("true");
    request.fds = {{4000, 5}};
    const auto failure = failure_of(request);
    REQUIRE(failure);
    CHECK(*failure == SpawnFailure{SpawnStage::Descriptors, EBADF});
}

TEST_CASE("a limit that cannot be set is reported, one that can holds") {
    SpawnRequest request = shell("ulimit -n");
    request.limits = {{RLIMIT_NOFILE, {.rlim_cur = 20, .rlim_max = 10}}};
    const auto failure = failure_of(request);
    REQUIRE(failure);
    CHECK(*failure == SpawnFailure{SpawnStage::Limits, EINVAL});
    request.limits = {{RLIMIT_NOFILE, {.rlim_cur = 123, .rlim_max = 456}}};
    CHECK(run(request).text == "123\n");
}

TEST_CASE("a report can be read after the death, without waiting") {
    SpawnRequest request = shell("true");
    request.executable = "/nonexistent/python9";
    const auto spawned = spawn(request);
    REQUIRE(spawned);
    REQUIRE(::waitpid(spawned->pid, nullptr, 0) == spawned->pid);
    CHECK(read_failure(spawned->report.get()) == SpawnFailure{SpawnStage::Exec, ENOENT});

    const auto fine = spawn(shell("true"));
    REQUIRE(fine);
    REQUIRE(::waitpid(fine->pid, nullptr, 0) == fine->pid);
    CHECK_FALSE(read_failure(fine->report.get()));
}

TEST_CASE("the child has exactly the mapped descriptors, also when they change places") {
    int first[2];
    int second[2];
    REQUIRE(::pipe(first) == 0);  // not close-on-exec: as if a library had opened them
    REQUIRE(::pipe(second) == 0);
    const Fd ends[] = {Fd(first[0]), Fd(first[1]), Fd(second[0]), Fd(second[1])};
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const Fd zero(::open("/dev/zero", O_RDWR | O_CLOEXEC));
    SpawnRequest request = shell("for fd in /proc/$$/fd/*; do [ -e $fd ] && echo ${fd##*/}=$(readlink $fd); done");
    // Each source is the other's target.
    request.fds = {{null.get(), zero.get()}, {zero.get(), null.get()}, {null.get(), STDIN_FILENO}};
    const auto output = run(request);
    std::set<std::string> lines;
    for (std::size_t at = 0; at < output.text.size();) {
        const std::size_t end = output.text.find('\n', at);
        lines.insert(output.text.substr(at, end - at));
        at = end + 1;
    }
    CHECK(lines.count("0=/dev/null") == 1);
    CHECK(lines.count(std::to_string(zero.get()) + "=/dev/null") == 1);
    CHECK(lines.count(std::to_string(null.get()) + "=/dev/zero") == 1);
    CHECK(lines.size() == 5);  // with standard output and error
}

TEST_CASE("the environment is the given one and nothing else") {
    SpawnRequest request;
    request.executable = "/usr/bin/env";
    request.arguments = {"env"};
    request.environment = {"A=1", "B=two words"};
    CHECK(run(request).text == "A=1\nB=two words\n");
    request.environment.clear();
    CHECK(run(request).text.empty());
}

TEST_CASE("the child leads a session of its own and has no signal blocked or ignored") {
    sigset_t block;
    sigset_t before;
    ::sigemptyset(&block);
    ::sigaddset(&block, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &block, &before);
    const auto old_handler = ::signal(SIGPIPE, SIG_IGN);
    SpawnRequest request;
    request.executable = "/bin/grep";  // not through a shell, which has a mask of its own while it waits
    request.arguments = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"};
    const auto masks = run(request);
    const auto session = run(shell("[ $(ps -o sid= -p $$) = $$ ] && echo own"));
    ::signal(SIGPIPE, old_handler);
    sigset_t after;
    ::pthread_sigmask(SIG_SETMASK, &before, &after);
    CHECK(::sigismember(&after, SIGUSR1) == 1);  // ours is as it was
    CHECK(::sigismember(&after, SIGTERM) == 0);
    CHECK(masks.text == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    CHECK(session.text == "own\n");
}

TEST_CASE("a child that is tied to our life does not outlive us") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    const pid_t parent = ::fork();
    if (parent == 0) {
        SpawnRequest request = shell("exec sleep 1000");
        request.parent_death_signal = SIGKILL;
        const auto spawned = spawn(request);
        const pid_t pid = spawned ? spawned->pid : 0;
        (void)wait_for_exec(spawned->report.get(), std::chrono::steady_clock::now() + 10s);
        [[maybe_unused]] const ssize_t written = ::write(write_end.get(), &pid, sizeof(pid));
        ::_exit(0);
    }
    pid_t child = 0;
    REQUIRE(::read(read_end.get(), &child, sizeof(child)) == sizeof(child));
    REQUIRE(child > 0);
    REQUIRE(::waitpid(parent, nullptr, 0) == parent);
    CHECK(wait_until([&] { return !is_running(child); }));
}
