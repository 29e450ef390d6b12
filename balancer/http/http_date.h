// Times as text, always UTC, from a wall-clock time that is passed in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace fettle::http {

// The Date header (IMF-fixdate, RFC 9110 5.6.7), formatted once per second. Each balancer thread has its own.
class DateCache {
  public:
    // "Sun, 06 Nov 1994 08:49:37 GMT". The view is valid until the next call with another second.
    [[nodiscard]] std::string_view at(std::int64_t unix_seconds);

  private:
    std::int64_t second_ = std::numeric_limits<std::int64_t>::min();
    std::size_t bytes_ = 0;
    std::array<char, 40> text_{};
};

// "[06/Nov/1994:08:49:37 +0000]"
void append_log_time(std::int64_t unix_seconds, std::string& line);

// "1994-11-06T08:49:37.042Z"
void append_iso_time(std::int64_t unix_ms, std::string& line);

}  // namespace fettle::http
