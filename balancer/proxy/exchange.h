// Exchange: one request and its response, between a client's connection and a worker's lane. It is the only thing the
// two sides share, and either may be gone before the other: a client leaves while the application runs, a worker is
// done while a slow client still reads. The exchange ends, and goes back to its pool, when both have let go.
//
// Used on one balancer thread (its queue ticket excepted, see queue/pool_queue.h).
#pragma once

#include "balancer/proxy/request_body.h"
#include "balancer/queue/pool_queue.h"
#include "base/assert.h"
#include "ipc/layout.h"
#include "ipc/response_record.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace fettle::balancer {

struct Exchange;
class Lane;

// Why the workers' side cannot answer.
enum class Failure : std::uint8_t {
    QueueFull,     // nothing was dispatched: 503
    QueueTimeout,  // nothing was dispatched in time: 503
    Application,   // the application raised or broke the protocol: 500, or cut off
    WorkerDied,    // with the request claimed: 502, or cut off
    Body,          // the spooled body cannot be read back: 500, or cut off
};

// The client's side, as the workers' side sees it. No call may destroy it; it may let go of the exchange inside any of
// them.
class ExchangeClient {
  public:
    ExchangeClient() = default;
    ExchangeClient(const ExchangeClient&) = delete;
    ExchangeClient& operator=(const ExchangeClient&) = delete;
    virtual ~ExchangeClient() = default;

    // In this order: on_continue*, on_head, on_body*; `last` ends the response, and on_failure ends it at any point.
    // Payloads are valid during the call.
    virtual void on_continue() = 0;
    // False: the head holds what the worker's own checks never let pass. The client has been answered.
    [[nodiscard]] virtual bool on_head(const ipc::ResponseReader& head, bool last) = 0;
    virtual void on_body(std::span<const std::byte> piece, bool last) = 0;
    virtual void on_failure(Failure failure, std::uint32_t retry_after) = 0;
    // The exchange's body made progress: the disk or the worker took some of it.
    virtual void on_request_body_progress() = 0;
    // Bytes of the response that the client has not taken yet.
    [[nodiscard]] virtual std::size_t unsent() const = 0;
};

// Uninitialised bytes that keep their capacity from one request to the next.
class RecordBuffer {
  public:
    std::span<std::byte> resize(std::size_t bytes) {
        if (bytes > capacity_) {
            data_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
            capacity_ = bytes;
        }
        size_ = bytes;
        return {data_.get(), size_};
    }

    void release() {
        data_.reset();
        size_ = capacity_ = 0;
    }

    [[nodiscard]] std::span<const std::byte> bytes() const { return {data_.get(), size_}; }

    [[nodiscard]] std::size_t capacity() const { return capacity_; }

  private:
    std::unique_ptr<std::byte[]> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

struct Exchange : queue::Ticket {
    // ---- written by the client's side before dispatch
    ExchangeClient* client = nullptr;  // nullptr: the client has let go
    RecordBuffer record;               // what a worker gets; kept until one has claimed the request
    RequestBody body;                  // what is not in the record
    bool body_in_record = true;
    std::uint64_t arrived_ns = 0;  // CLOCK_MONOTONIC of the complete head

    // ---- written by the workers' side
    Lane* lane = nullptr;     // dispatched to it
    ipc::RequestKey key;      // sequence 0: not pushed into the lane's channel yet
    bool responding = false;  // a message of the worker proved that it runs, or ran, the request
    bool head_seen = false;
    bool continued = false;             // the worker asked for the body, which it does once
    bool recalled = false;              // the worker was asked not to run it, too late or not
    std::uint64_t response_bytes = 0;   // body, as published by the worker
    std::uint64_t credit = 0;           // body bytes the worker was allowed so far
    std::optional<std::uint32_t> seat;  // of the worker it was dispatched to last
    std::int32_t worker_pid = 0;        // likewise
    std::optional<std::chrono::nanoseconds> app_time;
};

// The exchanges of one thread. They stay where they are; ended ones are used again, with the buffers of their records.
class ExchangePool {
  public:
    // What the records of idle exchanges take up at most, all together.
    static constexpr std::size_t kMostRecordBytes = 1024 * 1024;

    ExchangePool() = default;
    ExchangePool(const ExchangePool&) = delete;
    ExchangePool& operator=(const ExchangePool&) = delete;

    ~ExchangePool() { FETTLE_ASSERT(in_use_ == 0, "an exchange outlives its thread"); }

    [[nodiscard]] Exchange& take() {
        ++in_use_;
        if (free_.empty()) {
            return *all_.emplace_back(std::make_unique<Exchange>());
        }
        Exchange& exchange = *free_.back();
        free_.pop_back();
        record_bytes_ -= exchange.record.capacity();
        return exchange;
    }

    // Puts the exchange away if both sides have let go of it. Call it whenever one did.
    void release_if_ended(Exchange& exchange) {
        if (exchange.client != nullptr || exchange.state() != queue::Ticket::State::Idle) {
            return;
        }
        if (exchange.record.capacity() > std::min(kLargestRecord, kMostRecordBytes - record_bytes_)) {
            exchange.record.release();
        }
        record_bytes_ += exchange.record.capacity();
        reset(exchange);
        free_.push_back(&exchange);
        --in_use_;
    }

    [[nodiscard]] std::size_t in_use() const { return in_use_; }

    // Of the records of idle exchanges.
    [[nodiscard]] std::size_t record_bytes() const { return record_bytes_; }

  private:
    static constexpr std::size_t kLargestRecord = 64 * 1024;  // a larger one goes back to the heap

    static void reset(Exchange& exchange) {
        exchange.body = RequestBody();
        exchange.body_in_record = true;
        exchange.lane = nullptr;
        exchange.key = {};
        exchange.responding = exchange.head_seen = exchange.continued = exchange.recalled = false;
        exchange.response_bytes = exchange.credit = 0;
        exchange.seat.reset();
        exchange.worker_pid = 0;
        exchange.app_time.reset();
    }

    std::vector<std::unique_ptr<Exchange>> all_;
    std::vector<Exchange*> free_;
    std::size_t in_use_ = 0;
    std::size_t record_bytes_ = 0;
};

// The seam between clients and workers: tests put something simple behind it.
class Dispatcher {
  public:
    Dispatcher() = default;
    Dispatcher(const Dispatcher&) = delete;
    Dispatcher& operator=(const Dispatcher&) = delete;
    virtual ~Dispatcher() = default;

    // The record is written; the body is complete, or streamed. The answer comes through exchange.client, possibly
    // inside this call.
    virtual void dispatch(Exchange& exchange) = 0;
    // There is more of a dispatched body: the client sent some, or the disk read some.
    virtual void body_progress(Exchange& exchange) = 0;
    // The client took bytes of a response that is not over.
    virtual void client_took(Exchange& exchange) = 0;
    // The client has let go of a dispatched exchange: exchange.client is nullptr. Its request is taken back if no
    // worker runs it yet; what still comes of its response is thrown away.
    virtual void client_left(Exchange& exchange) = 0;
};

}  // namespace fettle::balancer
