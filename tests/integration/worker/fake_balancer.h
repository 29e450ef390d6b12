// Plays the balancer for one worker over a real channel set.
#pragma once

#include "ipc/balancer_channel.h"
#include "request_builder.h"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace fettle::test {

inline constexpr std::chrono::seconds kPatience{20};  // no wait of a test is longer

// What has come back for one request.
struct Answer {
    std::uint16_t status = 0;
    std::string reason;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::vector<ipc::ResponseKind> kinds;  // of the descriptors, in order
    bool ended = false;
    std::uint64_t app_ns = 0;

    [[nodiscard]] ipc::ResponseKind last_kind() const { return kinds.back(); }

    // The value of a header, or "(none)".
    [[nodiscard]] std::string header(const std::string& name) const;
};

class FakeBalancer {
  public:
    FakeBalancer(ipc::ChannelSet::Identity identity, ipc::Geometry geometry);

    [[nodiscard]] ipc::ChannelSet& channels() { return *channels_; }

    // Of balancer thread 0 and lane 0, the only ones most tests use.
    [[nodiscard]] ipc::BalancerChannel& channel(std::uint32_t lane = 0, std::uint32_t thread = 0);

    ipc::RequestKey push(const Request& request, std::uint32_t lane = 0, std::uint32_t thread = 0);
    void push_body(ipc::RequestKey key, const std::string& piece, bool last);
    void push_abort(ipc::RequestKey key);
    // Raises the credit of a request without end: body of any size.
    void grant(ipc::RequestKey key, std::uint64_t bytes);
    // The client has left.
    void cancel(ipc::RequestKey key);

    // What has arrived for the request so far.
    [[nodiscard]] Answer& answer(ipc::RequestKey key, std::uint32_t lane = 0, std::uint32_t thread = 0);

    // Takes in what arrives until `condition` holds; fails the test after kPatience.
    template <class Condition>
    void wait_until(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + kPatience;
        while (true) {
            harvest();
            if (condition()) {
                return;
            }
            sleep_until_bell(deadline);
        }
    }

    // Waits for the end of the request.
    const Answer& finish(ipc::RequestKey key, std::uint32_t lane = 0, std::uint32_t thread = 0);
    // Pushes it and waits for its end.
    Answer ask(const Request& request);
    // The body of GET `path`.
    std::string get(const std::string& path);

    // Takes in what has arrived, without waiting.
    void harvest();

  private:
    using Place = std::pair<std::uint32_t, std::uint32_t>;  // thread, lane

    void take(Place place, const ipc::ResponseMessage& message);
    void sleep_until_bell(std::chrono::steady_clock::time_point deadline);

    std::unique_ptr<ipc::ChannelSet> channels_;
    std::map<std::pair<Place, std::uint32_t>, Answer> answers_;  // by place and sequence
};

}  // namespace fettle::test
