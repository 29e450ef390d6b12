// How a worker may break the protocol of its channels. The balancer finds it, the supervisor ends the worker, counts it
// per seat (worker_protocol_violation) and says in the log what it was.
#pragma once

#include <cstdint>
#include <string_view>

namespace fettle::ipc {

enum class Violation : std::uint32_t {
    Cursor = 1,      // a published cursor is out of range
    Descriptor = 2,  // kind, flags or place of a message are impossible
    Request = 3,     // a message for a request that it was not given, was revoked, or has ended
    Order = 4,       // a message contradicts the ones before it
    Credit = 5,      // more of a response than it was allowed
    Record = 6,      // the sizes in a response record do not fit it
    Head = 7,        // a response head with what its own checks never let pass
};

inline constexpr std::uint32_t kViolations = 7;

// For the log. A number that is none of these says so.
[[nodiscard]] constexpr std::string_view text_of(Violation violation) {
    switch (violation) {
        case Violation::Cursor:
            return "a cursor of its rings is out of range";
        case Violation::Descriptor:
            return "a response descriptor makes no sense";
        case Violation::Request:
            return "it answered a request that it does not have";
        case Violation::Order:
            return "a response message contradicts the ones before it";
        case Violation::Credit:
            return "it sent more of a response than it was allowed";
        case Violation::Record:
            return "the sizes in a response record do not fit it";
        case Violation::Head:
            return "a response head holds what its own checks never let pass";
    }
    return "of an unknown kind";
}

}  // namespace fettle::ipc
