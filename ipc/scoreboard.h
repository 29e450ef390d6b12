// The scoreboard of a worker: the head of its response file. The worker writes it, the supervisor reads it.
//
// Each word has one writer and stands for itself: no lock, no snapshot. A worker that dies inside one of the writing
// functions leaves each word as it was before or as it is after; `failed` <= `finished` <= `started` holds at any time.
#pragma once

#include "ipc/layout.h"
#include "ipc/segment.h"

#include <cstdint>

namespace fettle::ipc {

// ---- the worker writes

// The lane's thread: the application gets a request, and has ended it. `started_ns` is CLOCK_MONOTONIC.
void count_start(LaneScore& score, std::uint64_t started_ns);
void count_end(LaneScore& score, bool failed, std::uint64_t app_ns);

// The service thread: it is alive, and the process has this PSS (0: not measured).
void beat(ResponseHeader& header, std::uint64_t now_ns, std::uint64_t pss_bytes);

// ---- the supervisor reads

struct LaneCounters {
    std::uint64_t started = 0;
    std::uint64_t finished = 0;
    std::uint64_t failed = 0;
    std::uint64_t running_since_ns = 0;
    std::uint64_t busy_ns = 0;
};

class ScoreboardReader {
  public:
    // Maps only the header and the lane scores.
    static Result<ScoreboardReader> map(int response_file, Geometry geometry);
    ScoreboardReader() = default;
    // Each counter is read once; they are not a consistent snapshot. Values are the worker's claims.
    [[nodiscard]] LaneCounters lane(std::uint32_t lane) const;
    [[nodiscard]] LaneCounters total() const;
    [[nodiscard]] std::uint64_t pss_bytes() const;

  private:
    Segment segment_;
    Geometry geometry_;
};

}  // namespace fettle::ipc
