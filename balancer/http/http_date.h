// The Date header (IMF-fixdate, RFC 9110 5.6.7) and the access log's time, from a wall-clock time that is passed in.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fettle::http {

// Formats once per second; each balancer thread has its own.
class DateCache {
  public:
    // "Sun, 06 Nov 1994 08:49:37 GMT". The view is valid until the next call with another second.
    [[nodiscard]] std::string_view at(std::int64_t unix_seconds);

  private:
    std::int64_t second_ = -1;
    std::array<char, 32> text_{};
};

}   // namespace fettle::http
