// Time-outs of many objects at the price of few: each kind of deadline has one duration, so a list in order of starting
// is a list in order of expiry. Starting, stopping and expiring are O(1); nothing is allocated, and the owner of the
// lists needs one timer.
//
// Pure: time comes in as an argument. Used by one thread.
#pragma once

#include "base/clock.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace fettle::balancer {

enum class DeadlineKind : std::uint8_t {
    Header,     // a complete request head
    Body,       // the next piece of a request body
    KeepAlive,  // the next request of an idle connection
    Send,       // the client takes a byte of its response
    Linger,     // what a client may still send after our last byte, before we close
    Farewell,   // the first byte of a connection that was accepted while stopping
    Count,
};

class DeadlineOwner {
  public:
    DeadlineOwner() = default;
    DeadlineOwner(const DeadlineOwner&) = delete;
    DeadlineOwner& operator=(const DeadlineOwner&) = delete;
    virtual ~DeadlineOwner() = default;
    // The deadline is stopped already; the owner may start, stop and destroy any deadline, this one included.
    virtual void on_deadline(DeadlineKind kind) = 0;
};

// A place in one of the lists; stops itself when it is destroyed.
class Deadline {
  public:
    explicit Deadline(DeadlineOwner& owner) : owner_(&owner) {}

    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    ~Deadline() { stop(); }

    void stop();

    [[nodiscard]] bool active() const { return next_ != nullptr; }

    [[nodiscard]] DeadlineKind kind() const { return kind_; }

  private:
    friend class Deadlines;
    Deadline() = default;  // the head of a list

    Deadline* previous_ = nullptr;
    Deadline* next_ = nullptr;  // null: in no list
    DeadlineOwner* owner_ = nullptr;
    TimePoint expires_{};
    DeadlineKind kind_ = DeadlineKind::Count;
};

class Deadlines {
  public:
    using Durations = std::array<Duration, static_cast<std::size_t>(DeadlineKind::Count)>;

    // A duration of zero or less: that kind never expires.
    explicit Deadlines(const Durations& durations);
    Deadlines(const Deadlines&) = delete;
    Deadlines& operator=(const Deadlines&) = delete;
    ~Deadlines();  // all deadlines must have been stopped

    // Starts the deadline, or starts it anew. `now` must not go back between two calls.
    void start(Deadline& deadline, DeadlineKind kind, TimePoint now);

    // When expire() has something to do; nullopt: nothing is running.
    [[nodiscard]] std::optional<TimePoint> next() const;

    // Stops every deadline that is due and tells its owner.
    void expire(TimePoint now);

  private:
    Durations durations_;
    Deadline heads_[static_cast<std::size_t>(DeadlineKind::Count)];  // not std::array: only Deadlines may make a head
};

}  // namespace fettle::balancer
