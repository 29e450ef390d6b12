// The environment that children get: plain "NAME=value" strings.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace fettle::supervisor {

// The environment of this process.
[[nodiscard]] std::vector<std::string> current_environment();

// For Python: `inherited` without what is meant for the supervisor alone (NOTIFY_SOCKET, WATCHDOG_*, LISTEN_*: an
// application that reads them would answer systemd in our place) and without fettle's own entries of LD_PRELOAD
// (libfettle*); then `added`, which wins.
[[nodiscard]] std::vector<std::string> python_environment(const std::vector<std::string>& inherited,
                                                          const std::map<std::string, std::string>& added);

}  // namespace fettle::supervisor
