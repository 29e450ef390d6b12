#include "worker/native/module_functions.h"

#include "worker/native/module_state.h"
#include "worker/native/process.h"
#include "worker/native/process_title.h"
#include "worker/native/service_thread.h"
#include "worker/native/slot.h"
#include "worker/native/type_helpers.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <chrono>
#include <memory>

namespace fettle::worker {

namespace {

ModuleState& state_of_module(PyObject* module) {
    return *static_cast<ModuleState*>(PyModule_GetState(module));
}

PyObject* none() {
    return Py_NewRef(Py_None);
}

PyObject* raise_error(const Error& error) {
    errno = error.code.value();
    if (errno != 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyErr_SetString(PyExc_RuntimeError, error.what.c_str());
    return nullptr;
}

// The worker of this process. Null: RuntimeError is set.
Worker* worker_of(PyObject* module) {
    Worker* worker = state_of_module(module).worker;
    if (worker == nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "start_service() comes first");
    }
    return worker;
}

// A waiting time in seconds, at least 0. nullopt: an error is set.
std::optional<std::chrono::milliseconds> to_milliseconds(PyObject* seconds) {
    const double value = PyFloat_AsDouble(seconds);
    if (PyErr_Occurred() != nullptr) {
        return std::nullopt;
    }
    if (!(value >= 0 && value < 1e6)) {
        PyErr_SetString(PyExc_ValueError, "a waiting time lies between 0 and 1e6 seconds");
        return std::nullopt;
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(value * 1000));
}

// ---- processes

PyObject* set_title(PyObject* /*module*/, PyObject* title) {
    Py_ssize_t bytes = 0;
    const char* text = PyUnicode_AsUTF8AndSize(title, &bytes);
    if (text == nullptr) {
        return nullptr;
    }
    set_process_title({text, static_cast<std::size_t>(bytes)});
    return none();
}

PyObject* set_log(PyObject* module, PyObject* arguments) {
    LogTarget log;
    int json = 0;
    if (PyArg_ParseTuple(arguments, "ip:set_log", &log.fd, &json) == 0) {
        return nullptr;
    }
    log.json = json != 0;
    state_of_module(module).log = log;
    return none();
}

PyObject* follow_supervisor_function(PyObject* /*module*/, PyObject* pid) {
    const long supervisor = PyLong_AsLong(pid);
    if (PyErr_Occurred() != nullptr) {
        return nullptr;
    }
    follow_supervisor(static_cast<pid_t>(supervisor));
    return none();
}

PyObject* trial_fork_function(PyObject* /*module*/, PyObject* /*unused*/) {
    return trial_fork() ? none() : nullptr;
}

PyObject* ignore_stop_signals(PyObject* module, PyObject* /*unused*/) {
    state_of_module(module).stop_signals = StopSignals::ignore();
    return none();
}

PyObject* fork_worker_function(PyObject* module, PyObject* arguments) {
    ForkRequest request;
    request.stop_signals = state_of_module(module).stop_signals;
    if (PyArg_ParseTuple(arguments, "iiiII:fork_worker", &request.zygote_control_fd, &request.worker_control_fd,
                         &request.supervisor, &request.worker.seat, &request.worker.incarnation) == 0) {
        return nullptr;
    }
    const std::optional<ForkedAs> result = fork_worker(request);
    return result ? PyBool_FromLong(*result == ForkedAs::Worker) : nullptr;
}

PyObject* receive_fork_request(PyObject* /*module*/, PyObject* fd) {
    const long number = PyLong_AsLong(fd);
    if (PyErr_Occurred() != nullptr) {
        return nullptr;
    }
    ipc::ControlSocket control{Fd(static_cast<int>(number))};
    ipc::Envelope envelope;
    std::optional<ipc::ForkWorker> request;
    auto status = ipc::ControlSocket::Status::Empty;
    while (!request && status != ipc::ControlSocket::Status::Closed) {
        {
            const py::NoGil detached;
            status = control.receive(envelope);
        }
        if (status == ipc::ControlSocket::Status::Empty && PyErr_CheckSignals() != 0) {
            break;
        }
        if (status == ipc::ControlSocket::Status::Message && envelope.fds.size() == 1) {
            request = envelope.as<ipc::ForkWorker>();
        }
    }
    (void)control.release().release();  // the caller's
    if (request) {
        return Py_BuildValue("IIi", request->worker.seat, request->worker.incarnation, envelope.fds[0].release());
    }
    return PyErr_Occurred() == nullptr ? none() : nullptr;
}

// ---- the worker

PyObject* start_service(PyObject* module, PyObject* arguments) {
    int control_fd = -1;
    ipc::WorkerId id;
    double graceful = 0;
    if (PyArg_ParseTuple(arguments, "iIId:start_service", &control_fd, &id.seat, &id.incarnation, &graceful) == 0) {
        return nullptr;
    }
    ModuleState& state = state_of_module(module);
    if (state.worker != nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "start_service() was called twice");
        return nullptr;
    }
    Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.valid()) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    auto worker = std::make_unique<Worker>(ipc::ControlSocket{Fd(control_fd)}, std::move(wake), id);
    const std::chrono::duration<double> seconds(graceful);
    auto started = start_service_thread(*worker, std::chrono::duration_cast<std::chrono::nanoseconds>(seconds));
    if (!started) {
        return raise_error(started.error());
    }
    state.worker = worker.release();  // for the life of the process: the service thread uses it
    return none();
}

PyObject* wait_attached(PyObject* module, PyObject* seconds) {
    Worker* worker = worker_of(module);
    const auto at_most = worker == nullptr ? std::nullopt : to_milliseconds(seconds);
    if (!at_most) {
        return nullptr;
    }
    const auto slots = [&] {
        const py::NoGil detached;
        return worker->wait_attached(*at_most);
    }();
    return slots ? PyLong_FromUnsignedLong(*slots) : none();
}

PyObject* run_slot_function(PyObject* module, PyObject* arguments) {
    PyObject* application = nullptr;
    int multithread = 0;
    int multiprocess = 0;
    const char* script_name = nullptr;
    Py_ssize_t script_name_bytes = 0;
    if (worker_of(module) == nullptr || PyArg_ParseTuple(arguments, "Oppy#:run_slot", &application, &multithread,
                                                         &multiprocess, &script_name, &script_name_bytes) == 0) {
        return nullptr;
    }
    const Setting setting{.multithread = multithread != 0,
                          .multiprocess = multiprocess != 0,
                          .script_name = {script_name, static_cast<std::size_t>(script_name_bytes)}};
    return run_slot(state_of_module(module), application, setting).release();
}

PyObject* free_slots(PyObject* module, PyObject* /*unused*/) {
    Worker* worker = worker_of(module);
    return worker == nullptr ? nullptr : PyLong_FromUnsignedLong(worker->free_slots());
}

PyObject* wait_slots(PyObject* module, PyObject* seconds) {
    Worker* worker = worker_of(module);
    const auto at_most = worker == nullptr ? std::nullopt : to_milliseconds(seconds);
    if (!at_most) {
        return nullptr;
    }
    const bool ended = [&] {
        const py::NoGil detached;
        return worker->wait_slots(*at_most);
    }();
    return PyBool_FromLong(ended);
}

PyObject* leave(PyObject* module, PyObject* /*unused*/) {
    Worker* worker = worker_of(module);
    if (worker == nullptr) {
        return nullptr;
    }
    worker->leave();
    return none();
}

PyObject* after_fork_in_child(PyObject* module, PyObject* /*unused*/) {
    disown_slots(state_of_module(module));
    return none();
}

// ---- for the tests of wire.py

template <class Message>
bool add_layout(PyObject* dict, const char* name) {
    const py::Ref value =
            py::Ref::steal(Py_BuildValue("In", static_cast<unsigned int>(Message::kType), sizeof(Message)));
    return value && PyDict_SetItemString(dict, name, value.get()) == 0;
}

PyObject* wire_layout(PyObject* /*module*/, PyObject* /*unused*/) {
    py::Ref dict = py::Ref::steal(PyDict_New());
    const bool filled = dict && add_layout<ipc::Hello>(dict.get(), "Hello") &&
                        add_layout<ipc::ZygoteReady>(dict.get(), "ZygoteReady") &&
                        add_layout<ipc::LoadFailed>(dict.get(), "LoadFailed") &&
                        add_layout<ipc::ForkFailed>(dict.get(), "ForkFailed");
    return filled ? dict.release() : nullptr;
}

}  // namespace

PyMethodDef* module_functions() {
    static PyMethodDef functions[] = {
            {"set_title", set_title, METH_O, "set_title(title): what ps shows of this process."},
            {"set_log", set_log, METH_VARARGS,
             "set_log(fd, json): where reports of this process go, and in which form."},
            {"follow_supervisor", follow_supervisor_function, METH_O,
             "follow_supervisor(pid): SIGTERM when it dies; exits if it has died."},
            {"trial_fork", trial_fork_function, METH_NOARGS, "trial_fork(): forks a child that ends at once."},
            {"ignore_stop_signals", ignore_stop_signals, METH_NOARGS,
             "ignore_stop_signals(): until fork_worker() gives them back to the worker."},
            {"fork_worker", fork_worker_function, METH_VARARGS,
             "fork_worker(zygote_fd, worker_fd, supervisor_pid, seat, incarnation): True in the new worker, False in "
             "the zygote."},
            {"receive_fork_request", receive_fork_request, METH_O,
             "receive_fork_request(fd): (seat, incarnation, worker_fd), or None at the end of the socket."},
            {"start_service", start_service, METH_VARARGS,
             "start_service(control_fd, seat, incarnation, graceful_seconds): takes the socket over."},
            {"wait_attached", wait_attached, METH_O,
             "wait_attached(seconds): the number of slots to run, 0 to stop, None if it is not known yet."},
            {"run_slot", run_slot_function, METH_VARARGS,
             "run_slot(application, multithread, multiprocess, script_name): serves as a slot that has no thread yet, "
             "until the "
             "worker is to stop."},
            {"free_slots", free_slots, METH_NOARGS, "free_slots(): how many slots have no thread yet."},
            {"wait_slots", wait_slots, METH_O, "wait_slots(seconds): True once all slots have ended."},
            {"leave", leave, METH_NOARGS, "leave(): asks to be drained and replaced."},
            {"after_fork_in_child", after_fork_in_child, METH_NOARGS,
             "after_fork_in_child(): the hook for processes that the application forks."},
            {"wire_layout", wire_layout, METH_NOARGS, "wire_layout(): {message: (type, bytes)} of what wire.py packs."},
            {},
    };
    return functions;
}

}  // namespace fettle::worker
