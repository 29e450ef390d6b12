// Requests as the balancer writes them into its arena, for tests that play the balancer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fettle::test {

struct Request {
    std::string method = "GET";
    std::string path = "/";
    std::string query{};
    std::vector<std::pair<std::string, std::string>> headers{{"host", "test"}};  // names in lower case
    std::string body{};                                                          // what lies in the record
    bool last = true;                                                            // no further pieces of the body follow
    std::optional<std::uint64_t> body_length{};                                  // if not that of `body`
    bool unknown_length = false;
    bool expects_continue = false;
    bool https = false;
    std::uint8_t http_minor = 1;
    std::string client_address = "192.0.2.1";
    std::uint16_t client_port = 4711;
    std::string server_name = "127.0.0.1";
    std::uint16_t server_port = 8000;
    std::string request_id = "0123456789abcdef";
};

// The record (ipc/request_record.h).
[[nodiscard]] std::vector<std::byte> build_record(const Request& request);

}  // namespace fettle::test
