// The state of the module `_fettle`. It lives as long as the module and holds everything that would otherwise be
// static.
#pragma once

#include "worker/native/constants.h"
#include "worker/native/process.h"
#include "worker/native/py_ref.h"
#include "worker/native/worker.h"

#include <atomic>
#include <optional>

namespace fettle::worker {

struct Slot;

// Where the worker's own entries of the log go.
struct LogTarget {
    int fd = 2;  // of the process, for as long as it lives; not closed here
    bool json = false;
};

struct ModuleState {
    Constants constants;
    LogTarget log;  // settled before the application is imported

    py::Ref input_stream_type;
    py::Ref start_response_type;
    py::Ref write_type;
    py::Ref file_wrapper_type;
    py::Ref error_stream_type;

    // Types of files whose descriptor gives the same bytes as their read(): io.BufferedReader, io.BufferedRandom,
    // io.FileIO.
    py::Ref buffered_reader_type;
    py::Ref buffered_random_type;
    py::Ref file_io_type;
    py::Ref format_exception;  // traceback.format_exception

    std::optional<StopSignals> stop_signals;  // of a zygote that ignores them

    // Of this process, once start_service() ran; lives until the process ends.
    Worker* worker = nullptr;
    std::atomic<Slot*> slots{nullptr};  // a list; a slot is added when it starts and stays
};

// The state of the module that `type` (a type of ours) belongs to. Never null.
[[nodiscard]] inline ModuleState& state_of(PyTypeObject* type) {
    return *static_cast<ModuleState*>(PyType_GetModuleState(type));
}

}  // namespace fettle::worker
