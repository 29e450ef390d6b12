// The body of the running request, piece by piece as the balancer sends it.
//
// Threads: needs the Exchange's mutex (worker/native/lane/exchange.h).
#pragma once

#include "worker/native/lane/exchange.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace fettle::worker {

class RequestBody {
  public:
    explicit RequestBody(Exchange& exchange) : exchange_(exchange) {}

    // A request was taken. `first` lies in its record; `last`: it is the whole body. `length` is the length of the
    // whole body if it is known. `expects_continue`: the client sends the body only after "100 Continue".
    void begin(std::span<const std::byte> first, bool last, std::optional<std::uint64_t> length, bool expects_continue);

    // What can be read without waiting; stays valid until fill(), the end of the request, or until all of it is
    // consumed.
    [[nodiscard]] std::span<const std::byte> unread() const { return unread_; }

    void consume(std::size_t bytes);

    // The body is read to its end.
    [[nodiscard]] bool at_end() const { return complete_ && unread_.empty(); }

    // How much is still to come, what is unread included; nullopt if unknown.
    [[nodiscard]] std::optional<std::uint64_t> remaining() const;

    // Gets the next piece once unread() is used up. Done: something is unread, or at_end(). Gone also if the client
    // left in the middle of its body: then aborted().
    [[nodiscard]] Io fill(Mode mode);

    [[nodiscard]] bool aborted() const { return aborted_; }

  private:
    [[nodiscard]] Io send_continue();
    [[nodiscard]] bool next_piece();

    Exchange& exchange_;
    std::span<const std::byte> unread_;
    std::optional<std::uint64_t> to_come_;  // behind unread_
    bool complete_ = true;
    bool aborted_ = false;
    bool send_continue_ = false;
};

}  // namespace fettle::worker
