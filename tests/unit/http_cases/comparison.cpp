#include "tests/unit/http_cases/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace fettle::http::test {

namespace {

std::string head_of(const ExpectedRequest& request) {
    std::string head = fmt::format("{} {} HTTP/1.{}", request.method, request.target, request.http_minor);
    for (const std::string& field : request.fields) {
        head.append("\n").append(field);
    }
    return head;
}

std::string shortened(std::string_view text) {
    constexpr std::size_t kShown = 400;
    return fmt::format("'{}'{}", text.substr(0, kShown), text.size() > kShown ? " ..." : "");
}

class Differences {
  public:
    template <class Value>
    void compare(std::string_view what, const Value& expected, const Value& seen) {
        if (expected != seen) {
            found_.push_back(fmt::format("{}: expected {}, got {}", what, expected, seen));
        }
    }

    void compare_text(const std::string& what, std::string_view expected, std::string_view seen) {
        if (expected != seen) {
            found_.push_back(fmt::format("{}: expected {}, got {}", what, shortened(expected), shortened(seen)));
        }
    }

    std::vector<std::string> take() { return std::move(found_); }

  private:
    std::vector<std::string> found_;
};

}  // namespace

Outcome as_of_a_connection(Outcome parsed) {
    const auto last = std::find_if(parsed.requests.begin(), parsed.requests.end(),
                                   [](const ParsedRequest& request) { return !request.keep_alive; });
    if (last != parsed.requests.end()) {
        parsed.requests.erase(last + 1, parsed.requests.end());
        parsed.refused = 0;
        parsed.in_message = false;
    }
    return parsed;
}

std::vector<std::string> differences(const Case& expected, const Outcome& seen) {
    Differences found;
    found.compare("status of the refusal", expected.status, seen.refused);
    found.compare("complete requests", expected.requests.size(), seen.requests.size());
    found.compare("ends inside a request", expected.ending == Ending::Silence, seen.in_message);
    const std::size_t both = std::min(expected.requests.size(), seen.requests.size());
    for (std::size_t i = 0; i < both; ++i) {
        const bool last = i + 1 == expected.requests.size();
        found.compare_text(fmt::format("head of request {}", i + 1), head_of(expected.requests[i]),
                           seen.requests[i].head);
        found.compare_text(fmt::format("body of request {}", i + 1), expected.requests[i].body, seen.requests[i].body);
        found.compare(fmt::format("request {} keeps the connection", i + 1),
                      !(last && expected.ending == Ending::Closed), seen.requests[i].keep_alive);
    }
    return found.take();
}

}  // namespace fettle::http::test
