// The worker's own entries in the log, in the form that log.format says. A worker has no log thread: each is one
// write(2) to the log (ModuleState::log), so that entries of several processes do not mix.
#pragma once

#include "worker/native/slot.h"

#include <string_view>

namespace fettle::worker {

// The application raised `exception` while it ran the running request of `slot`: a line with what is known of the
// request, then the traceback. `what` says where ("application error").
void report_exception(const Slot& slot, std::string_view what, py::Ref exception);

// The same without a request: a signal handler of the application raised.
void report_signal_exception(const Slot& slot, py::Ref exception);

// Writes all of `text` to `fd`, by one write(2) unless the kernel takes only a part of it. Whoever is
// attached and may have to wait for the reader of the log detaches first.
void write_whole(int fd, std::string_view text);

// One line about the running request, without a traceback.
void report_request(const Slot& slot, std::string_view level, std::string_view what);

}  // namespace fettle::worker
