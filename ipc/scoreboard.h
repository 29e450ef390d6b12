// The supervisor's read-only view of a worker's scoreboard: the head of the response file.
#pragma once

#include "ipc/layout.h"
#include "ipc/segment.h"

#include <cstdint>

namespace fettle::ipc {

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
