// The native thread of a worker that speaks with the supervisor. It never attaches to the interpreter, so it works
// however long the application holds it.
//
//   control socket   Attach: maps the channels, answers Attached. StopWorker: the slots finish and end. End of the
//   socket: the
//                    same, and _exit(0) after `graceful` at the latest, for nobody is left who could end the process.
//   SIGTERM          Leaving is sent; the worker serves on until the supervisor has drained it. A handler that the
//   application
//                    has set is left alone.
//   every second     heartbeat into the scoreboard, and every 30 s the process's own PSS; a nudge for Python's signal
//   handlers.
#pragma once

#include "worker/native/worker.h"

#include <chrono>

namespace fettle::worker {

// Starts the thread; it runs until the process ends and uses `worker` until then. Call on the main thread, once.
[[nodiscard]] Result<void> start_service_thread(Worker& worker, std::chrono::nanoseconds graceful);

}  // namespace fettle::worker
