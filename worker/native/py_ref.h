// Owning wrappers of the CPython API. Rules: a Ref owns, a PyObject* parameter is borrowed for the call, a function
// that returns Ref returns a new reference, and a null Ref means that a Python error is set (unless its comment says
// otherwise).
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <utility>

namespace fettle::py {

class Ref {
  public:
    Ref() = default;

    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}

    Ref& operator=(Ref&& other) noexcept {
        if (this != &other) {
            PyObject* old = std::exchange(object_, std::exchange(other.object_, nullptr));
            Py_XDECREF(old);  // last: it may run Python code that looks at this Ref
        }
        return *this;
    }

    Ref(const Ref&) = delete;
    Ref& operator=(const Ref&) = delete;

    ~Ref() { Py_XDECREF(object_); }

    // Takes over a reference that the caller owns; null is allowed.
    [[nodiscard]] static Ref steal(PyObject* object) { return Ref(object); }

    // Makes a new reference to what somebody else owns; null is allowed.
    [[nodiscard]] static Ref borrow(PyObject* object) { return Ref(Py_XNewRef(object)); }

    [[nodiscard]] PyObject* get() const { return object_; }

    [[nodiscard]] PyTypeObject* type() const { return reinterpret_cast<PyTypeObject*>(object_); }

    [[nodiscard]] explicit operator bool() const { return object_ != nullptr; }

    // Gives the reference away.
    [[nodiscard]] PyObject* release() { return std::exchange(object_, nullptr); }

    void reset() { *this = Ref(); }

    // For tp_traverse.
    [[nodiscard]] int visit(visitproc visitor, void* argument) const {
        return object_ != nullptr ? visitor(object_, argument) : 0;
    }

  private:
    explicit Ref(PyObject* object) : object_(object) {}

    PyObject* object_ = nullptr;
};

// While it lives, this thread is detached from the interpreter: others may run, no Python object may be touched.
class NoGil {
  public:
    NoGil() : state_(PyEval_SaveThread()) {}

    NoGil(const NoGil&) = delete;
    NoGil& operator=(const NoGil&) = delete;

    // Until 3.13, attaching ends the thread by unwinding it if the interpreter is shutting down; noexcept would abort.
    ~NoGil() noexcept(false) { PyEval_RestoreThread(state_); }

  private:
    PyThreadState* state_;
};

}  // namespace fettle::py
