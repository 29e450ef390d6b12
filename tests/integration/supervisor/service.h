// A supervisor in a process of its own, with the fake balancer and interpreter, whose log the test reads.
#pragma once

#include "base/fd.h"
#include "config/schema.h"

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace fettle::testing {

class Service {
  public:
    // `faults`: see fake_process.cpp. The address is a free port of 127.0.0.1 unless the configuration has another.
    explicit Service(const std::string& faults, config::Config config = config_with(2));
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    ~Service();  // ends everything, also what a failed test left

    [[nodiscard]] static config::Config config_with(int processes);

    [[nodiscard]] pid_t pid() const { return pid_; }

    void send_signal(int number) const;

    // Reads the log until a line contains `part` and has not been returned before; fails the test after 20 s.
    std::string wait_for_line(const std::string& part);
    [[nodiscard]] std::size_t count_lines(const std::string& part);

    // Waits for the end; the exit code, or 1000 + the signal.
    int wait_for_end();

    // Processes of this service, the supervisor included.
    [[nodiscard]] std::vector<pid_t> processes() const;

    // The number behind "key=" in a line.
    [[nodiscard]] static pid_t number(const std::string& line, const std::string& key);

  private:
    void read_log(std::chrono::milliseconds limit);

    std::string directory_;
    std::string mark_;  // in the environment of every process but the balancer
    pid_t pid_ = 0;
    Fd log_;
    std::string unfinished_;
    std::vector<std::string> lines_;
    std::vector<bool> returned_;
    int end_ = -1;
};

}  // namespace fettle::testing
