#include "base/log.h"

#include <atomic>

namespace fettle::log {

namespace {
// The one global of the log: constant-initialised, so safe at any time.
std::atomic<Sink*> g_sink{nullptr};
}  // namespace

void set_sink(Sink* sink) {
    g_sink.store(sink, std::memory_order_release);
}

Sink* sink() {
    return g_sink.load(std::memory_order_acquire);
}

}  // namespace fettle::log
