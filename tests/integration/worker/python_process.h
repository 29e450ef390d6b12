// Plays the supervisor for one Python process: spawns `PYTHON boot.py '<JSON>'` with a control socket, speaks the
// messages of ipc/control.h, keeps what it writes, and sees to it that nothing is left behind.
#pragma once

#include "fake_balancer.h"
#include "ipc/control.h"

#include <catch2/catch.hpp>

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace fettle::test {

// A directory that goes away with the test; TEST_FOLDER of the application.
class Folder {
  public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    void write(const std::string& name, const std::string& content) const;
    [[nodiscard]] std::string read(const std::string& name) const;  // "" if it is not there

  private:
    std::filesystem::path path_;
};

struct Launch {
    std::string role = "worker";
    std::string target = "kitchen";
    std::string python{};   // empty: $FETTLE_TEST_PYTHON, else the first of FETTLE_PYTHONS
    std::string runtime{};  // empty: that of the build
    std::string chdir{};    // empty: apps/
    double graceful_seconds = 10;
    bool multiprocess = true;
    std::optional<pid_t> supervisor_pid{};  // empty: this process
    std::map<std::string, std::string> environment{};
};

inline constexpr ipc::WorkerId kWorker{.seat = 3, .incarnation = 7};

class PythonProcess {
  public:
    // The test process becomes a subreaper, so that what the process leaves behind becomes its child.
    explicit PythonProcess(const Folder& folder, const Launch& launch = {});
    PythonProcess(const PythonProcess&) = delete;
    PythonProcess& operator=(const PythonProcess&) = delete;
    // Kills and reaps it if it still runs.
    ~PythonProcess();

    [[nodiscard]] pid_t pid() const { return pid_; }

    [[nodiscard]] const ipc::ControlSocket& control() const { return control_; }

    void close_control() { control_ = ipc::ControlSocket(); }

    // The next message; fails the test after kPatience or if another one comes.
    template <class Message>
    Message expect() {
        const auto message = receive().template as<Message>();
        REQUIRE(message.has_value());
        return *message;
    }

    ipc::Envelope receive();
    // True if no message and no end of the socket is there now.
    [[nodiscard]] bool quiet() const;
    // Waits for the end of the process: its exit code, or minus the signal that killed it.
    int wait();
    void signal(int number) const;
    // What was written to standard error so far.
    [[nodiscard]] std::string log() const;
    // Waits until the log contains `text`.
    void wait_for_log(const std::string& text) const;

  private:
    const Folder& folder_;
    pid_t pid_ = -1;
    ipc::ControlSocket control_;
};

// Reaps `pid`, a child of this process: its exit code, or minus the signal. Fails the test after kPatience.
int wait_for_exit(pid_t pid);

// Sends the channels of `balancer` to a worker: the first time, or after a balancer's death.
void attach(const ipc::ControlSocket& control, FakeBalancer& balancer, std::uint32_t slots);

[[nodiscard]] FakeBalancer make_balancer(ipc::Geometry geometry = {.threads = 1, .lanes = 2},
                                         std::uint32_t incarnation = 1);

// A worker that was executed, is attached and ready, with `slots` slots.
struct ReadyWorker {
    Folder folder;
    FakeBalancer balancer;
    PythonProcess process;

    explicit ReadyWorker(const Launch& launch = {}, std::uint32_t slots = 1,
                         ipc::Geometry geometry = {.threads = 1, .lanes = 4});
    // StopWorker, and the exit code.
    int stop();
};

}  // namespace fettle::test
