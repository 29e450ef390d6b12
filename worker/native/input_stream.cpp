#include "worker/native/input_stream.h"

#include "worker/native/bytes_builder.h"
#include "worker/native/compat.h"
#include "worker/native/request_object.h"
#include "worker/native/type_helpers.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace fettle::worker {

namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// How much of `unread` the next result takes, with `taken` bytes in it already, and whether it is complete then.
struct Portion {
    std::size_t bytes = 0;
    bool complete = false;
};

struct UpToLimit {
    std::size_t limit = kNoLimit;

    [[nodiscard]] Portion operator()(std::span<const std::byte> unread, std::size_t taken) const {
        const std::size_t bytes = std::min(unread.size(), limit - taken);
        return {bytes, taken + bytes == limit};
    }
};

struct UpToNewline {
    std::size_t limit = kNoLimit;

    [[nodiscard]] Portion operator()(std::span<const std::byte> unread, std::size_t taken) const {
        const Portion most = UpToLimit{limit}(unread, taken);
        const void* newline = unread.empty() ? nullptr : std::memchr(unread.data(), '\n', most.bytes);
        if (newline == nullptr) {
            return most;
        }
        return {static_cast<std::size_t>(static_cast<const std::byte*>(newline) - unread.data()) + 1, true};
    }
};

enum class Ended { Body, Client, Request, Error, Memory };

// How many bytes the result will probably have.
std::size_t expected_bytes(const RequestBody& body, std::size_t limit) {
    constexpr std::size_t kUnknown = 64 * 1024;
    return static_cast<std::size_t>(std::min<std::uint64_t>(limit, body.remaining().value_or(kUnknown)));
}

template <class Choose>
Ended gather(RequestObject& self, Choose choose, std::optional<py::BytesBuilder>& result) {
    RequestLock lock(self);
    if (!lock.held()) {
        return Ended::Request;
    }
    RequestBody& body = self.slot->body;
    result.emplace(std::is_same_v<Choose, UpToLimit> ? expected_bytes(body, choose.limit) : 0);
    while (true) {
        const Portion portion = choose(body.unread(), result->size());
        if (!result->append(body.unread().first(portion.bytes))) {
            return Ended::Memory;
        }
        body.consume(portion.bytes);
        if (portion.complete || body.at_end()) {
            return Ended::Body;
        }
        const Outcome outcome = complete(lock, [&](Mode mode) { return body.fill(mode); });
        if (outcome == Outcome::Error) {
            return Ended::Error;
        }
        if (outcome == Outcome::Gone) {
            return lock.held() ? Ended::Client : Ended::Request;
        }
    }
}

// The bytes that `choose` takes, or null with an error.
template <class Choose>
py::Ref take(PyObject* self, Choose choose) {
    std::optional<py::BytesBuilder> result;
    switch (gather(as_request_object(self), choose, result)) {
        case Ended::Body:
            return result->finish();
        case Ended::Client:
            PyErr_SetString(PyExc_ConnectionResetError, "the client left before its request body was complete");
            return {};
        case Ended::Request:
            PyErr_SetString(PyExc_ValueError, "wsgi.input was read after its request had ended");
            return {};
        case Ended::Error:
        case Ended::Memory:
            return {};
    }
    return {};
}

// The optional size argument of read() and readline(): absent, None and negative mean all. False: an error is set.
bool parse_size(PyObject* const* arguments, Py_ssize_t count, const char* method, std::size_t& size) {
    if (count > 1) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most 1 argument (%zd given)", method, count);
        return false;
    }
    size = kNoLimit;
    if (count == 0 || arguments[0] == Py_None) {
        return true;
    }
    const Py_ssize_t wanted = PyNumber_AsSsize_t(arguments[0], PyExc_OverflowError);
    if (wanted == -1 && PyErr_Occurred() != nullptr) {
        return false;
    }
    size = wanted < 0 ? kNoLimit : static_cast<std::size_t>(wanted);
    return true;
}

PyObject* read(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
    std::size_t size = 0;
    return parse_size(arguments, count, "read", size) ? take(self, UpToLimit{size}).release() : nullptr;
}

PyObject* readline(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
    std::size_t size = 0;
    return parse_size(arguments, count, "readline", size) ? take(self, UpToNewline{size}).release() : nullptr;
}

PyObject* readlines(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
    std::size_t hint = 0;
    if (!parse_size(arguments, count, "readlines", hint)) {
        return nullptr;
    }
    hint = hint == 0 ? kNoLimit : hint;  // as io.IOBase.readlines
    py::Ref lines = py::Ref::steal(PyList_New(0));
    for (std::size_t total = 0; lines && total < hint;) {
        const py::Ref line = take(self, UpToNewline{});
        if (!line || (PyBytes_GET_SIZE(line.get()) > 0 && PyList_Append(lines.get(), line.get()) != 0)) {
            return nullptr;
        }
        if (PyBytes_GET_SIZE(line.get()) == 0) {
            break;
        }
        total += static_cast<std::size_t>(PyBytes_GET_SIZE(line.get()));
    }
    return lines.release();
}

PyObject* next_line(PyObject* self) {
    py::Ref line = take(self, UpToNewline{});
    return line && PyBytes_GET_SIZE(line.get()) > 0 ? line.release() : nullptr;  // without an error: StopIteration
}

}  // namespace

py::Ref make_input_stream_type(PyObject* module) {
    static const PyMethodDef methods[] = {
            {"read", py::as_method(read), METH_FASTCALL, "read(size=-1, /): up to `size` bytes, b'' at the end"},
            {"readline", py::as_method(readline), METH_FASTCALL, "readline(size=-1, /): up to the next newline"},
            {"readlines", py::as_method(readlines), METH_FASTCALL, "readlines(hint=-1, /): a list of lines"},
            {},
    };
    static const PyType_Slot slots[] = {
            {Py_tp_dealloc, py::as_slot(free_request_object)},
            {Py_tp_iter, py::as_slot(PyObject_SelfIter)},
            {Py_tp_iternext, py::as_slot(next_line)},
            {Py_tp_methods, const_cast<PyMethodDef*>(methods)},
            {Py_tp_doc, const_cast<char*>("The body of the running request (wsgi.input).")},
            {},
    };
    return py::make_type(module, "fettle._fettle.InputStream", sizeof(RequestObject), Py_TPFLAGS_DISALLOW_INSTANTIATION,
                         slots);
}

py::Ref make_input_stream(Slot& slot) {
    return make_request_object(slot.input_stream, slot.state.input_stream_type.type(), slot, nullptr);
}

}  // namespace fettle::worker
