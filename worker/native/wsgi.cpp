#include "worker/native/wsgi.h"

#include "base/assert.h"
#include "base/exit_codes.h"
#include "ipc/request_record.h"
#include "ipc/scoreboard.h"
#include "worker/native/compat.h"
#include "worker/native/environ.h"
#include "worker/native/error_stream.h"
#include "worker/native/input_stream.h"
#include "worker/native/monotonic.h"
#include "worker/native/report.h"
#include "worker/native/request_object.h"
#include "worker/native/response_stream.h"
#include "worker/native/start_response.h"

#include <unistd.h>

namespace fettle::worker {

namespace {

enum class Verdict {
    Complete,
    Failed,      // the application raised, or what it gave is no response
    ClientGone,  // nobody is left to hear the rest
};

// ---- processes that the application forked

// The exit status that the pending exception asks for, if it is SystemExit.
std::optional<int> requested_exit_status() {
    if (PyErr_ExceptionMatches(PyExc_SystemExit) == 0) {
        return std::nullopt;
    }
    const py::Ref exception = py::take_exception();
    const py::Ref code = py::Ref::steal(PyObject_GetAttrString(exception.get(), "code"));
    if (!code || code.get() == Py_None) {
        return 0;
    }
    return PyLong_Check(code.get()) ? static_cast<int>(PyLong_AsLong(code.get()))
                                    : static_cast<int>(ExitCode::Internal);
}

// A child that the application forked in this request and that comes back from it would answer in its parent's name. It
// ends here instead: with the status it wants if it called sys.exit(), else with a complaint.
void end_if_forked(Slot& slot, std::uint64_t number) {
    if (slot.exchange.number() == number) {
        return;
    }
    const std::optional<int> status = PyErr_Occurred() != nullptr ? requested_exit_status() : std::nullopt;
    if (!status) {
        report_request(slot, "error",
                       "a process forked by the application returned from it and ends here; end it with os._exit()");
    }
    ::_exit(status.value_or(static_cast<int>(ExitCode::Internal)));
}

// ---- the application's exceptions

// An error that only says what the balancer said first: the client has left.
bool is_echo_of_departure(Slot& slot, PyObject* exception, std::uint64_t number) {
    if (PyErr_GivenExceptionMatches(exception, PyExc_ConnectionError) == 0) {
        return false;
    }
    const RequestLock lock(slot, number);
    return lock.held() && (slot.body.aborted() || slot.exchange.gone());
}

// Takes the pending exception out of the interpreter and into the log.
Verdict judge_exception(Slot& slot, std::uint64_t number) {
    end_if_forked(slot, number);
    py::Ref exception = py::take_exception();
    if (is_echo_of_departure(slot, exception.get(), number)) {
        return Verdict::ClientGone;
    }
    end_error_line(slot.errors.get());
    const bool leaves = PyErr_GivenExceptionMatches(exception.get(), PyExc_SystemExit) != 0 ||
                        PyErr_GivenExceptionMatches(exception.get(), PyExc_KeyboardInterrupt) != 0;
    report_exception(slot, leaves ? "application asked to exit, this worker will be replaced" : "application error",
                     std::move(exception));
    if (leaves) {
        slot.worker.leave();
    }
    return Verdict::Failed;
}

// ---- the call

// PEP 3333: whatever happened, close() is called, once.
void close_result(Slot& slot, PyObject* result, std::uint64_t number) {
    if (PyList_CheckExact(result) || PyTuple_CheckExact(result)) {
        return;
    }
    const py::Ref close = py::optional_attribute(result, slot.state.constants[Name::Close]);
    const py::Ref closed = close ? py::Ref::steal(PyObject_CallNoArgs(close.get())) : py::Ref();
    if (!closed && PyErr_Occurred() != nullptr) {
        (void)judge_exception(slot, number);  // the response is not affected
    }
}

// The application is through: is what it gave a response? Sets AssertionError if not.
Outcome check_response(Slot& slot, std::uint64_t number) {
    bool started = true;
    bool satisfied = true;
    std::uint64_t bytes = 0;
    {
        const RequestLock lock(slot, number);
        if (!lock.held()) {
            return Outcome::Gone;
        }
        started = slot.writer.head().is_set();
        satisfied = slot.writer.satisfied();
        bytes = slot.writer.body_bytes();
    }
    if (!started) {
        PyErr_SetString(PyExc_AssertionError, "the application returned without calling start_response()");
    } else if (!satisfied) {
        PyErr_Format(PyExc_AssertionError, "the body has %llu bytes, fewer than its Content-Length says",
                     static_cast<unsigned long long>(bytes));
    }
    return started && satisfied ? Outcome::Done : Outcome::Error;
}

Verdict run_application(Slot& slot, const ipc::RequestView& request, std::uint64_t number) {
    const py::Ref input = make_input_stream(slot);
    py::Ref environ = input ? make_environ(slot, request, input.get()) : py::Ref();
    py::Ref start_response = environ ? make_start_response(slot) : py::Ref();
    if (!start_response) {
        return judge_exception(slot, number);
    }
    if (slot.body.at_end()) {
        slot.exchange.inbox().release();  // the record is not needed any more
    }
    PyObject* arguments[] = {nullptr, environ.get(), start_response.get()};
    const py::Ref result = py::Ref::steal(
            PyObject_Vectorcall(slot.application.get(), arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
    if (result) {
        end_if_forked(slot, number);
    }
    Outcome outcome = result ? send_result(slot, result.get()) : Outcome::Error;
    if (outcome == Outcome::Done && !slot.running.ended) {
        outcome = check_response(slot, number);
    }
    Verdict verdict = outcome == Outcome::Done ? Verdict::Complete : Verdict::ClientGone;
    if (outcome == Outcome::Error) {
        verdict = judge_exception(slot, number);
    }
    if (result) {
        close_result(slot, result.get(), number);
    }
    return verdict;
}

// ---- the end

// Publishes the last descriptor, unless that has happened, and lets go of the request.
void end_request(Slot& slot, Verdict verdict, std::uint64_t number) {
    end_if_forked(slot, number);
    end_error_line(slot.errors.get());
    slot.exchange.prepare_end();
    RequestLock lock(slot, number);
    ResponseWriter& writer = slot.writer;
    const bool client_has_all = writer.head_sent() && writer.head().content_length() && writer.satisfied();
    const auto ending = verdict == Verdict::Complete || client_has_all ? ResponseWriter::Ending::Complete
                                                                       : ResponseWriter::Ending::Failed;
    while (!slot.running.ended) {
        const Outcome outcome =
                complete(lock, [&](Mode mode) { return writer.finish(ending, slot.running.app_ns, mode); });
        slot.running.ended = outcome != Outcome::Error;
        if (outcome == Outcome::Error) {
            (void)judge_exception(slot, number);  // of a signal handler, while this waited
            lock.relock();
        }
    }
    slot.exchange.end();
}

}  // namespace

void serve_request(Slot& slot) {
    const std::uint64_t number = slot.exchange.number();
    const ipc::RequestMessage& message = slot.exchange.request();
    const ipc::RequestView request(message.payload);
    FETTLE_ASSERT(request.valid(), "the balancer pushed a request record that contradicts itself");
    const ipc::RequestRecord& record = request.record();
    // Without the mutex: no object of this request exists yet.
    const bool known = record.body_length != ipc::kBodyLengthUnknown;
    slot.body.begin(std::as_bytes(std::span(request.text(record.body))), message.last,
                    known ? std::optional(record.body_length) : std::nullopt, record.expects_continue != 0);
    slot.writer.begin(request.text(record.method) == "HEAD");
    slot.running.started_ns = monotonic_ns();
    slot.running.app_ns = 0;
    slot.running.ended = false;
    ipc::LaneScore& score = slot.exchange.lane().score();
    ipc::count_start(score, slot.running.started_ns);
    const Verdict verdict = run_application(slot, request, number);
    if (!slot.running.ended) {
        slot.running.app_ns = app_time_ns(slot);
    }
    ipc::count_end(score, verdict == Verdict::Failed, slot.running.app_ns);
    end_request(slot, verdict, number);
    slot.running.id.reset();
    slot.running.method.reset();
    slot.running.uri.reset();
}

}  // namespace fettle::worker
