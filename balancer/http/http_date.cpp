#include "balancer/http/http_date.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace fettle::http {

namespace {

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::tm utc(std::int64_t unix_seconds) {
    const std::time_t time = unix_seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    return parts;
}

std::string_view month(const std::tm& parts) {
    return kMonths[static_cast<std::size_t>(parts.tm_mon)];
}

}  // namespace

std::string_view DateCache::at(std::int64_t unix_seconds) {
    if (unix_seconds != second_) {
        const std::tm parts = utc(unix_seconds);
        const auto written =
                fmt::format_to_n(text_.data(), text_.size(), "{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                                 kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday, month(parts),
                                 parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
        bytes_ = std::min(written.size, text_.size());
        second_ = unix_seconds;
    }
    return {text_.data(), bytes_};
}

void append_log_time(std::int64_t unix_seconds, std::string& line) {
    const std::tm parts = utc(unix_seconds);
    fmt::format_to(std::back_inserter(line), "[{:02}/{}/{}:{:02}:{:02}:{:02} +0000]", parts.tm_mday, month(parts),
                   parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

void append_iso_time(std::int64_t unix_ms, std::string& line) {
    const std::int64_t ms = ((unix_ms % 1000) + 1000) % 1000;
    const std::tm parts = utc((unix_ms - ms) / 1000);
    fmt::format_to(std::back_inserter(line), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                   parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, ms);
}

}  // namespace fettle::http
