#include "worker/native/request_object.h"

namespace fettle::worker {

py::Ref make_request_object(py::Ref& cached, PyTypeObject* type, Slot& slot, vectorcallfunc call) {
    if (!cached || Py_REFCNT(cached.get()) != 1) {
        cached = py::Ref::steal(type->tp_alloc(type, 0));
        if (!cached) {
            return {};
        }
        as_request_object(cached.get()).call = call;
        as_request_object(cached.get()).slot = &slot;
    }
    as_request_object(cached.get()).number = slot.exchange.number();
    return py::Ref::borrow(cached.get());
}

void free_request_object(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);  // instances of a heap type own it; tp_alloc took this reference
}

RequestLock::RequestLock(Slot& slot, std::uint64_t number)
    : slot_(slot), number_(number), lock_(slot.exchange.mutex(), std::defer_lock) {
    relock();
}

void RequestLock::relock() {
    Exchange& exchange = slot_.exchange;
    const auto runs = [&] { return exchange.number() == number_; };
    if (!runs() || (!exchange.claimed() && lock_.try_lock())) {
        if (lock_.owns_lock() && !runs()) {
            lock_.unlock();
        }
        return;
    }
    const py::NoGil detached;
    if (std::this_thread::get_id() == slot_.thread) {
        exchange.claim_mutex();
        lock_ = std::unique_lock(exchange.mutex(), std::adopt_lock);
    } else {
        while (exchange.claimed()) {
            std::this_thread::yield();  // the slot's thread comes first, and does not hold the claim for long
        }
        lock_.lock();
    }
    if (!runs()) {
        lock_.unlock();  // before attaching: see Exchange
    }
}

}  // namespace fettle::worker
