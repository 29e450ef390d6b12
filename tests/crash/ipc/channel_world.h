// A channel in a given state of fullness, what the survivor of an operation on it would see, and the comparison of
// both: a killed operation has happened, or has not begun. Nothing in between, nothing lost, nothing twice.
#pragma once

#include "tests/crash/support/kill_every_instruction.h"
#include "tests/unit/ipc/channel_fixture.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::test {

enum class Fill {
    Empty,      // nothing but the operation's own request
    Partly,     // a few entries before it
    LastPlace,  // the operation takes the last entry, and the last bytes of the arena
    Full,       // there is no room for it
    Wrapped,    // Partly, and both rings and both arenas are about to begin anew
};

inline constexpr std::array kFills{Fill::Empty, Fill::Partly, Fill::LastPlace, Fill::Full, Fill::Wrapped};

inline const char* name_of(Fill fill) {
    constexpr std::array kNames{"empty", "partly full", "last place", "full", "wrapped around"};
    return kNames[static_cast<std::size_t>(fill)];
}

// The walk is complete for an empty channel; for the others, whose worlds take long to make, see
// kill_every_instruction.h.
inline int limit_of(Fill fill) {
    return fill == Fill::Empty ? kComplete : kSampled;
}

// How many entries lie in front of the operation's.
inline std::uint32_t entries_before(Fill fill) {
    switch (fill) {
        case Fill::Empty:
            return 0;
        case Fill::Partly:
        case Fill::Wrapped:
            return 3;
        case Fill::LastPlace:
            return ipc::kMaxInFlight - 1;
        case Fill::Full:
            return ipc::kMaxInFlight;
    }
    return 0;
}

// With these payloads kMaxInFlight entries fill an arena to its last byte.
inline constexpr std::uint32_t kRequestBytes = ipc::kRequestArenaBytes / ipc::kMaxInFlight;
inline constexpr std::uint32_t kResponseBytes = ipc::kResponseArenaBytes / ipc::kMaxInFlight;

inline std::string_view request_filler() {
    static const std::string text(kRequestBytes, 'q');
    return text;
}

inline std::string_view response_filler() {
    static const std::string text(kResponseBytes, 'a');
    return text;
}

// A message as the other side sees it. `text` lives as long as the message is not overwritten.
template <class Kind>
struct Seen {
    Kind kind;
    ipc::RequestKey key;
    bool last = false;
    std::string_view text;

    bool operator==(const Seen&) const = default;
};

struct ChannelWorld : BothEnds {
    ChannelWorld() : BothEnds({.threads = 1, .lanes = 1}) {}

    ipc::RequestKey key;                                 // the operation's request
    std::vector<Seen<ipc::ResponseKind>> responses;      // what the balancer sees before the operation
    std::vector<Seen<ipc::ResponseKind>> new_responses;  // ... and behind these, once it has happened
    std::vector<Seen<ipc::RequestKind>> requests;        // the same for the worker
    std::vector<Seen<ipc::RequestKind>> new_requests;

    ipc::WorkerLane& lane() { return worker->lane(0); }

    // Requests that came and went until the next entry of each ring is its last one, and the arenas' ends are near.
    void wrap_around() {
        for (std::uint32_t round = 0; round + 1 < 2 * ipc::kRingEntries; ++round) {
            (void)front().reserve(kRequestBytes);
            const ipc::RequestKey passing = front().push_request(kRequestBytes, true, 1);
            back().pop();
            (void)back().claim(passing);
            (void)back().writable();
            (void)back().reserve(kResponseBytes);
            back().publish(passing, ipc::ResponseKind::Head, kResponseBytes, true, 1);
            ipc::ResponseMessage message;
            (void)front().peek(message);
            front().pop();
        }
    }

    // Requests in the ring, unclaimed.
    void queue_requests(std::uint32_t count) {
        for (std::uint32_t number = 0; number < count; ++number) {
            requests.push_back(
                    {ipc::RequestKind::Request, push_text(front(), request_filler()), true, request_filler()});
        }
    }

    // Pieces of a long response of another request, not harvested.
    void publish_pieces(std::uint32_t count) {
        if (count == 0) {
            return;
        }
        const ipc::RequestKey other = push_text(front(), "other");
        back().pop();
        REQUIRE(back().claim(other));
        for (std::uint32_t number = 0; number < count; ++number) {
            publish_text(back(), other, ipc::ResponseKind::Body, response_filler(), false);
            responses.push_back({ipc::ResponseKind::Body, other, false, response_filler()});
        }
    }
};

// `seen` is `before`, or `before` followed by `added`; says which by `happened`. Anything else is a fault.
template <class Kind>
std::string before_or_after(const std::vector<Seen<Kind>>& seen, const std::vector<Seen<Kind>>& before,
                            const std::vector<Seen<Kind>>& added, bool& happened) {
    std::vector<Seen<Kind>> after = before;
    after.insert(after.end(), added.begin(), added.end());
    happened = !added.empty() && seen == after;
    if (happened || seen == before) {
        return {};
    }
    return "neither before nor after: " + std::to_string(seen.size()) + " messages, " + std::to_string(before.size()) +
           " before and " + std::to_string(after.size()) + " after";
}

// What the balancer finds when it harvests everything.
inline std::string harvest(ChannelWorld& world, bool& happened) {
    std::vector<Seen<ipc::ResponseKind>> seen;
    ipc::ResponseMessage message;
    while (true) {
        switch (world.front().peek(message)) {
            case ipc::BalancerChannel::Peek::Violation:
                return "the dead worker looks like a violator";
            case ipc::BalancerChannel::Peek::Empty:
                return before_or_after(seen, world.responses, world.new_responses, happened);
            case ipc::BalancerChannel::Peek::Message:
                break;
        }
        seen.push_back({message.kind,
                        message.key,
                        message.last,
                        {reinterpret_cast<const char*>(message.payload.data()), message.payload.size()}});
        world.front().pop();
    }
}

// What the worker finds when it takes everything.
inline std::string take(ChannelWorld& world, bool& happened) {
    std::vector<Seen<ipc::RequestKind>> seen;
    while (const auto message = world.back().peek()) {
        seen.push_back({message->kind,
                        message->key,
                        message->last,
                        {reinterpret_cast<const char*>(message->payload.data()), message->payload.size()}});
        world.back().pop();
    }
    if (seen.size() == world.requests.size() + 1 && !world.new_requests.empty() &&
        world.new_requests.front().key == ipc::RequestKey{}) {
        const ipc::RequestKey fresh = seen.back().key;  // of a request that is pushed by the operation itself
        for (const auto& request : world.requests) {
            if (request.key.index == fresh.index || request.key.sequence >= fresh.sequence) {
                return "a new request with the key of an old one";
            }
        }
        world.new_requests.front().key = fresh;
    }
    return before_or_after(seen, world.requests, world.new_requests, happened);
}

inline void require_clean(const std::string& operation, const KillReport& report) {
    print_report(operation, report);
    INFO(operation << ": " << report.first);
    CHECK(report.violations == 0);
    CHECK(report.points > 5);  // the walk did happen
}

}  // namespace fettle::test
