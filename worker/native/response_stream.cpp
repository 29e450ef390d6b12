#include "worker/native/response_stream.h"

#include "worker/native/compat.h"
#include "worker/native/file_wrapper.h"
#include "worker/native/monotonic.h"

#include <cstring>

namespace fettle::worker {

namespace {

std::span<const std::byte> bytes_of(PyObject* piece) {
    return std::as_bytes(std::span(PyBytes_AS_STRING(piece), static_cast<std::size_t>(PyBytes_GET_SIZE(piece))));
}

RequestObject running_request(Slot& slot) {
    RequestObject object{};
    object.slot = &slot;
    object.number = slot.exchange.number();
    return object;
}

// ---- lists and tuples

using Pieces = std::span<PyObject* const>;  // borrowed

// The length of all pieces together; nullopt: TypeError is set.
std::optional<std::uint64_t> total_bytes(Pieces pieces) {
    std::uint64_t total = 0;
    for (PyObject* piece : pieces) {
        if (!check_body_type(piece)) {
            return std::nullopt;
        }
        total += static_cast<std::uint64_t>(PyBytes_GET_SIZE(piece));
    }
    return total;
}

void copy_pieces(Pieces pieces, std::span<std::byte> space) {
    for (PyObject* piece : pieces) {
        const std::span<const std::byte> bytes = bytes_of(piece);
        const std::size_t count = std::min(bytes.size(), space.size());  // the body may be longer than declared
        if (count > 0) {
            std::memcpy(space.data(), bytes.data(), count);
        }
        space = space.subspan(count);
    }
}

enum class AtOnce { Sent, NotStarted, TooShort, NoRoom };

AtOnce send_at_once(Slot& slot, const RequestLock& lock, Pieces pieces, std::uint64_t total) {
    ResponseWriter& writer = slot.writer;
    if (!lock.held() || writer.head_sent()) {
        return AtOnce::NoRoom;
    }
    ResponseHead& head = writer.head();
    if (!head.is_set()) {
        return AtOnce::NotStarted;
    }
    if (!writer.bodyless() && total < head.content_length().value_or(0)) {
        return AtOnce::TooShort;
    }
    if (writer.bodyless()) {
        writer.declare_length(total);  // otherwise the balancer does it, once it has the body
    }
    if (const auto space = writer.reserve_whole(writer.wanted(total))) {
        copy_pieces(pieces, *space);
        slot.running.app_ns = app_time_ns(slot);
        writer.commit_whole(slot.running.app_ns);
        slot.running.ended = true;
        return AtOnce::Sent;
    }
    writer.declare_length(total);
    return AtOnce::NoRoom;
}

Outcome send_sequence(Slot& slot, Pieces pieces) {
    const std::optional<std::uint64_t> total = total_bytes(pieces);
    if (!total) {
        return Outcome::Error;
    }
    const RequestObject request = running_request(slot);
    const AtOnce at_once = [&] {
        const RequestLock lock(request);
        return send_at_once(slot, lock, pieces, *total);
    }();
    switch (at_once) {
        case AtOnce::Sent:
            return Outcome::Done;
        case AtOnce::NotStarted:
            if (*total == 0) {
                return Outcome::Done;  // nothing came too early; that the head is missing, the end of the request tells
            }
            raise_not_started();
            return Outcome::Error;
        case AtOnce::TooShort:
            PyErr_Format(PyExc_AssertionError, "the body has %llu bytes, fewer than its Content-Length says",
                         static_cast<unsigned long long>(*total));
            return Outcome::Error;
        case AtOnce::NoRoom:
            break;
    }
    for (PyObject* piece : pieces) {
        if (const Outcome outcome = send_piece(request, piece); outcome != Outcome::Done) {
            return outcome;
        }
    }
    return Outcome::Done;
}

Pieces items_of(PyObject* tuple) {
    return {reinterpret_cast<PyTupleObject*>(tuple)->ob_item, static_cast<std::size_t>(PyTuple_GET_SIZE(tuple))};
}

// Of a list, which another thread may change: its items are held first.
Outcome send_list(Slot& slot, PyObject* list) {
    if (PyList_GET_SIZE(list) == 1) {
        if (const py::Ref only = py::list_item(list, 0)) {
            PyObject* const piece = only.get();
            return send_sequence(slot, {&piece, 1});
        }
        PyErr_Clear();  // it is empty by now
    }
    const py::Ref items = py::Ref::steal(PyList_AsTuple(list));
    return items ? send_sequence(slot, items_of(items.get())) : Outcome::Error;
}

// ---- other iterables

// What to do with a piece.
enum class Next {
    Send,
    Finish,      // the declared body is complete without it
    NotStarted,  // it came before start_response()
    Gone,        // nobody waits for it
};

// Asked for every piece, also those that send nothing: an endless stream of surplus must end. `only`: PEP 3333 lets us
// believe that no other piece will come.
Next judge_piece(const RequestObject& request, std::uint64_t bytes, bool only) {
    const RequestLock lock(request);
    if (!lock.held() || request.slot->exchange.gone()) {
        return Next::Gone;
    }
    ResponseWriter& writer = request.slot->writer;
    if (!writer.head().is_set()) {
        return Next::NotStarted;
    }
    // Before the head is sent, only a piece with bytes says that the application will not change it any more.
    const bool head_is_final = writer.head_sent() || bytes > 0;
    if (head_is_final && writer.head().content_length() && writer.satisfied()) {
        return Next::Finish;
    }
    if (only && bytes > 0) {
        writer.declare_length(bytes);
    }
    return Next::Send;
}

// True if the iterable says that it holds one piece. nullopt: its __len__ raised what is not "I do not know", the error
// is set.
std::optional<bool> has_one_piece(PyObject* result) {
    const PyTypeObject* type = Py_TYPE(result);
    const bool sized = (type->tp_as_sequence != nullptr && type->tp_as_sequence->sq_length != nullptr) ||
                       (type->tp_as_mapping != nullptr && type->tp_as_mapping->mp_length != nullptr);
    const Py_ssize_t length = sized ? PyObject_Size(result) : 0;
    if (length >= 0) {
        return length == 1;
    }
    for (PyObject* unknown : {PyExc_TypeError, PyExc_AttributeError, PyExc_NotImplementedError}) {
        if (PyErr_ExceptionMatches(unknown) != 0) {
            PyErr_Clear();
            return false;
        }
    }
    return std::nullopt;
}

Outcome send_iterable(Slot& slot, PyObject* result) {
    const RequestObject request = running_request(slot);
    const std::optional<bool> only = has_one_piece(result);
    const py::Ref iterator = only ? py::Ref::steal(PyObject_GetIter(result)) : py::Ref();
    if (!iterator) {
        return Outcome::Error;
    }
    while (const py::Ref piece = py::Ref::steal(PyIter_Next(iterator.get()))) {
        if (!check_body_type(piece.get())) {
            return Outcome::Error;
        }
        const auto bytes = static_cast<std::uint64_t>(PyBytes_GET_SIZE(piece.get()));
        switch (judge_piece(request, bytes, *only)) {
            case Next::Send:
                break;
            case Next::Finish:
                return Outcome::Done;
            case Next::NotStarted:
                raise_not_started();
                return Outcome::Error;
            case Next::Gone:
                return Outcome::Gone;
        }
        if (bytes == 0) {
            continue;  // does not start the response: PEP 3333 lets the application change the headers until then
        }
        if (const Outcome outcome = send_piece(request, piece.get()); outcome != Outcome::Done) {
            return outcome;
        }
        if (slot.writer.bodyless()) {
            return Outcome::Done;  // a HEAD request of an endless stream must end
        }
    }
    return PyErr_Occurred() == nullptr ? Outcome::Done : Outcome::Error;
}

// Refuses what people return by mistake, in words that name the mistake; iter() refuses the rest. False: TypeError is
// set.
bool check_result_type(PyObject* result) {
    if (PyBytes_Check(result) || PyUnicode_Check(result)) {
        PyErr_Format(PyExc_TypeError, "the application returned %.200s; return a list of bytes objects, [body]",
                     Py_TYPE(result)->tp_name);
        return false;
    }
    if (Py_TYPE(result)->tp_iter == nullptr && PySequence_Check(result) == 0) {
        PyErr_Format(PyExc_TypeError, "the application returned %.200s, which is not an iterable of bytes objects",
                     Py_IsNone(result) != 0 ? "None" : Py_TYPE(result)->tp_name);
        return false;
    }
    return true;
}

}  // namespace

bool check_body_type(PyObject* piece) {
    if (PyBytes_Check(piece)) {
        return true;
    }
    PyErr_Format(PyExc_TypeError, "the body of a response is made of bytes objects, not %.200s",
                 Py_TYPE(piece)->tp_name);
    return false;
}

void raise_not_started() {
    PyErr_SetString(PyExc_AssertionError, "the application gave a body before it called start_response()");
}

Outcome send_piece(const RequestObject& object, PyObject* piece, Surplus surplus) {
    ResponseWriter& writer = object.slot->writer;
    std::span<const std::byte> rest = bytes_of(piece);
    bool refused = false;
    Outcome outcome = Outcome::Done;
    {
        RequestLock lock(object);
        if (!lock.held()) {
            return Outcome::Gone;
        }
        if (!writer.head().is_set()) {
            lock.unlock();
            raise_not_started();
            return Outcome::Error;
        }
        refused = surplus == Surplus::Refuse && !writer.bodyless() && writer.wanted(rest.size()) < rest.size();
        outcome = complete(lock, [&](Mode mode) { return writer.send(rest, mode); });
    }
    if (refused && outcome == Outcome::Done) {
        PyErr_SetString(PyExc_AssertionError, "write() was given more bytes than the Content-Length says");
        return Outcome::Error;
    }
    return outcome;
}

Outcome send_result(Slot& slot, PyObject* result) {
    if (PyTuple_CheckExact(result)) {
        return send_sequence(slot, items_of(result));
    }
    if (PyList_CheckExact(result)) {
        return send_list(slot, result);
    }
    if (!check_result_type(result)) {
        return Outcome::Error;
    }
    if (Py_IS_TYPE(result, slot.state.file_wrapper_type.type())) {
        if (const std::optional<OpenFile> file = real_file(slot.state, result)) {
            return send_file(running_request(slot), *file);
        }
        if (PyErr_Occurred() != nullptr) {
            return Outcome::Error;
        }
    }
    return send_iterable(slot, result);
}

std::uint64_t app_time_ns(const Slot& slot) {
    return monotonic_ns() - slot.running.started_ns;
}

}  // namespace fettle::worker
