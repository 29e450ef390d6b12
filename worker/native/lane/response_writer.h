// Publishes the response of the running request: the head with the first piece of the body, then the other pieces,
// within the credit that the balancer grants and the space of the lane's arena.
//
// Of a body that is declared longer than it is (Content-Length) or that must not exist (HEAD, 204, 304), the surplus is
// dropped.
//
// Threads: needs the Exchange's mutex (worker/native/lane/exchange.h).
#pragma once

#include "worker/native/lane/exchange.h"
#include "worker/native/lane/response_head.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace fettle::worker {

class ResponseWriter {
  public:
    explicit ResponseWriter(Exchange& exchange) : exchange_(exchange) {}

    // A request was taken. `head_request`: its method is HEAD.
    void begin(bool head_request);

    // To be set before the first piece.
    [[nodiscard]] ResponseHead& head() { return head_; }

    [[nodiscard]] bool head_sent() const { return head_sent_; }

    // Notes a call of start_response(), also one that fails. True if there was one before.
    [[nodiscard]] bool note_start() { return std::exchange(start_called_, true); }

    // Declares a length that the application left out, if that helps: without it, the response is chunked. An empty
    // body for HEAD does not tell the length of the one for GET.
    void declare_length(std::uint64_t bytes);

    // The response has no body, whatever the application gives.
    [[nodiscard]] bool bodyless() const { return head_request_ || !head_.allows_body(); }

    // How many of `bytes` further body bytes belong to the response.
    [[nodiscard]] std::uint64_t wanted(std::uint64_t bytes) const;
    // The body has its declared length, or has none; without a declared length always true.
    [[nodiscard]] bool satisfied() const;

    [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }

    // Publishes `rest` from its front and cuts off what was published, until nothing is left (Done) or it cannot go on.
    [[nodiscard]] Io send(std::span<const std::byte>& rest, Mode mode);

    // Space for the next piece, 1 to `most` bytes (most > 0, already cut by wanted()), to be filled and then committed.
    // A space that is not committed is replaced by the next one.
    [[nodiscard]] Io reserve(std::uint64_t most, Mode mode, std::span<std::byte>& space);
    // Publishes the first `used` bytes of the space.
    void commit(std::uint32_t used);

    // The whole response in one descriptor: space for exactly `bytes` of body behind the head, and its publication as
    // the end of the request. Without a value: it does not fit now, use send().
    [[nodiscard]] std::optional<std::span<std::byte>> reserve_whole(std::uint64_t bytes);
    void commit_whole(std::uint64_t app_ns);

    enum class Ending {
        Complete,  // sends the head if that did not happen yet
        Failed,    // 500 if the head is not sent, else the client is cut off
    };

    // Ends the request. Waits even if the client has gone, because the balancer must learn of the end; Gone only if the
    // balancer has.
    [[nodiscard]] Io finish(Ending ending, std::uint64_t app_ns, Mode mode);

  private:
    [[nodiscard]] std::uint32_t room(std::uint64_t bytes);
    [[nodiscard]] std::uint64_t credit();
    void open(std::uint32_t bytes);
    void publish(std::uint32_t used, bool last, std::uint64_t app_ns);

    Exchange& exchange_;
    ResponseHead head_;
    std::span<std::byte> space_;  // of the body, behind the head if that is not sent
    std::span<std::byte> head_space_;
    std::uint64_t body_bytes_ = 0;  // published
    bool head_request_ = false;
    bool head_sent_ = false;
    bool start_called_ = false;
};

}  // namespace fettle::worker
