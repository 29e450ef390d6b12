// What the Python objects of one request (wsgi.input, start_response, write) have in common: they name a slot and the
// request they were made for, and are of no use once that has ended.
#pragma once

#include "worker/native/slot.h"

#include <optional>

namespace fettle::worker {

struct RequestObject {
    PyObject_HEAD vectorcallfunc call;  // of the callable ones
    Slot* slot;
    std::uint64_t number;  // Exchange::number() of its request
};

// An object of `type` for the running request of `slot`. `cached` is used again if nobody else has it, and becomes the
// result.
[[nodiscard]] py::Ref make_request_object(py::Ref& cached, PyTypeObject* type, Slot& slot, vectorcallfunc call);

// tp_dealloc of all of them.
void free_request_object(PyObject* self);

[[nodiscard]] inline RequestObject& as_request_object(PyObject* self) {
    return *reinterpret_cast<RequestObject*>(self);
}

// Holds Exchange::mutex() if the request still runs. Made while attached; detaches to wait. While it is held, no Python
// code may run, and so no exception object be made, for that can start a garbage collection: such code could want the
// lock again.
class RequestLock {
  public:
    // `number`: Exchange::number() of the request.
    RequestLock(Slot& slot, std::uint64_t number);

    explicit RequestLock(const RequestObject& object) : RequestLock(*object.slot, object.number) {}

    // False: the request has ended (or this is a forked child), and the lane is somebody else's.
    [[nodiscard]] bool held() const { return lock_.owns_lock(); }

    void unlock() { lock_.unlock(); }

    // Takes it again after unlock().
    void relock();

  private:
    Slot& slot_;
    const std::uint64_t number_;
    std::unique_lock<std::mutex> lock_;
};

enum class Outcome {
    Done,
    Gone,   // see Io::Gone; the lock may be lost
    Error,  // a Python error is set by a signal handler; the lock is not held
};

// Runs `operation(Mode)`, which returns an Io, to its end: first without waiting, then detached. Needs the lock.
template <class Operation>
[[nodiscard]] Outcome complete(RequestLock& lock, Operation operation) {
    Io io = operation(Mode::Try);
    while (io == Io::WouldBlock || io == Io::Interrupted) {
        if (io == Io::Interrupted) {
            lock.unlock();
            if (PyErr_CheckSignals() != 0) {
                return Outcome::Error;
            }
            lock.relock();
            if (!lock.held()) {
                return Outcome::Gone;
            }
        }
        const py::NoGil detached;
        io = operation(Mode::Block);
    }
    return io == Io::Done ? Outcome::Done : Outcome::Gone;
}

}  // namespace fettle::worker
