#include "worker/native/slot.h"

#include "worker/native/compat.h"
#include "worker/native/environ.h"
#include "worker/native/error_stream.h"
#include "worker/native/report.h"
#include "worker/native/wsgi.h"

#include <memory>
#include <optional>

namespace fettle::worker {

namespace {

void enlist(ModuleState& state, Slot& slot) {
    slot.next = state.slots.load();
    while (!state.slots.compare_exchange_weak(slot.next, &slot)) {
    }
}

// Runs the application's handlers for signals that came while no request ran; on other threads than the main one it
// does nothing. If one raises SystemExit or KeyboardInterrupt, the process is to end, as in any Python program;
// anything else is reported and survived.
void run_signal_handlers(Slot& slot) {
    if (PyErr_CheckSignals() == 0) {
        return;
    }
    py::Ref exception = py::take_exception();
    const bool leaves = PyErr_GivenExceptionMatches(exception.get(), PyExc_SystemExit) != 0 ||
                        PyErr_GivenExceptionMatches(exception.get(), PyExc_KeyboardInterrupt) != 0;
    if (leaves) {
        slot.worker.leave();
    } else {
        report_signal_exception(slot, std::move(exception));
    }
}

// Serves until the worker is to stop and nothing waits.
void serve(Slot& slot) {
    std::uint64_t seen = 0;
    while (true) {
        const std::uint64_t changes = slot.worker.changes().load(std::memory_order_acquire);
        if (changes != seen) {
            seen = changes;
            slot.exchange.attach(slot.worker.attachment(), slot.lane);
        }
        if (slot.exchange.take()) {
            serve_request(slot);
            continue;
        }
        if (slot.worker.stopping()) {
            return;
        }
        {
            const py::NoGil detached;
            slot.exchange.wait_idle(slot.worker.changes(), seen);
        }
        run_signal_handlers(slot);
    }
}

}  // namespace

py::Ref run_slot(ModuleState& state, PyObject* application, const Setting& setting) {
    py::Ref errors = make_error_stream(state);
    py::Ref environ_template = errors ? make_environ_template(state, setting, errors.get()) : py::Ref();
    if (!environ_template) {
        return {};
    }
    const std::optional<std::uint32_t> lane = state.worker->take_slot();
    if (!lane) {
        return py::Ref::borrow(Py_None);
    }
    Slot* slot =
            std::make_unique<Slot>(state, *state.worker, *lane).release();  // for the life of the process: see Slot
    slot->application = py::Ref::borrow(application);
    slot->script_name = setting.script_name;
    slot->environ_template = std::move(environ_template);
    slot->errors = std::move(errors);
    enlist(state, *slot);
    serve(*slot);
    slot->worker.slot_ended();
    slot->application.reset();
    slot->environ_template.reset();
    slot->errors.reset();
    slot->input_stream.reset();
    slot->start_response.reset();
    slot->write.reset();
    slot->texts.forget();
    return py::Ref::borrow(Py_None);
}

void disown_slots(ModuleState& state) {
    for (Slot* slot = state.slots.load(); slot != nullptr; slot = slot->next) {
        slot->exchange.disown();
    }
}

}  // namespace fettle::worker
