#include "ipc/scoreboard.h"

namespace fettle::ipc {

namespace {

// For a counter whose only writer is the calling thread.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) {
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace

void count_start(LaneScore& score, std::uint64_t started_ns) {
    score.running_since_ns.store(started_ns, std::memory_order_relaxed);
    add(score.started, 1);
}

void count_end(LaneScore& score, bool failed, std::uint64_t app_ns) {
    add(score.finished, 1);
    add(score.failed, failed ? 1 : 0);
    add(score.busy_ns, app_ns);
    score.running_since_ns.store(0, std::memory_order_relaxed);
}

void beat(ResponseHeader& header, std::uint64_t now_ns, std::uint64_t pss_bytes) {
    header.pss_bytes.store(pss_bytes, std::memory_order_relaxed);
    header.heartbeat_ns.store(now_ns, std::memory_order_relaxed);
}

Result<ScoreboardReader> ScoreboardReader::map(int response_file, Geometry geometry) {
    FETTLE_CHECK_OK(check_sealed_size(response_file, response_file_bytes(geometry)));
    FETTLE_TRY(segment, Segment::map(response_file, response_channels_offset(geometry), Access::ReadOnly));
    ScoreboardReader reader;
    reader.segment_ = std::move(segment);
    reader.geometry_ = geometry;
    return reader;
}

LaneCounters ScoreboardReader::lane(std::uint32_t lane) const {
    if (lane >= geometry_.lanes || segment_.data() == nullptr) {
        return {};
    }
    const auto& score = reinterpret_cast<const LaneScore*>(segment_.data() + kPage)[lane];
    return LaneCounters{
            .started = score.started.load(std::memory_order_relaxed),
            .finished = score.finished.load(std::memory_order_relaxed),
            .failed = score.failed.load(std::memory_order_relaxed),
            .running_since_ns = score.running_since_ns.load(std::memory_order_relaxed),
            .busy_ns = score.busy_ns.load(std::memory_order_relaxed),
    };
}

LaneCounters ScoreboardReader::total() const {
    LaneCounters sum;
    for (std::uint32_t index = 0; index < geometry_.lanes && segment_.data() != nullptr; ++index) {
        const LaneCounters one = lane(index);
        sum.started += one.started;
        sum.finished += one.finished;
        sum.failed += one.failed;
        sum.busy_ns += one.busy_ns;
    }
    return sum;
}

std::uint64_t ScoreboardReader::pss_bytes() const {
    if (segment_.data() == nullptr) {
        return 0;
    }
    return reinterpret_cast<const ResponseHeader*>(segment_.data())->pss_bytes.load(std::memory_order_relaxed);
}

}  // namespace fettle::ipc
