// Who listens on a TCP port: for the message "address already in use".
#pragma once

#include <cstdint>
#include <string>

namespace fettle::supervisor {

// "process 4711 (nginx)"; empty if it cannot be found out (another user's process). Reads /proc/net/tcp* and
// /proc/*/fd: slow, for error messages only.
[[nodiscard]] std::string find_port_owner(std::uint16_t port);

}  // namespace fettle::supervisor
