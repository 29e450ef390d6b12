// Looking at processes from outside, and waiting for conditions.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace fettle::testing {

// Polls `condition` until it is true; false once `limit` has passed.
[[nodiscard]] bool wait_until(const std::function<bool()>& condition,
                              std::chrono::milliseconds limit = std::chrono::seconds(20));

// Alive: neither gone nor a zombie.
[[nodiscard]] bool is_running(pid_t pid);

// Every process, zombies included, whose parent is `pid`.
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);

// Every running process whose environment or command line contains `mark`.
[[nodiscard]] std::vector<pid_t> processes_with(const std::string& mark);

}  // namespace fettle::testing
