#include "worker/native/start_response.h"

#include "worker/native/compat.h"
#include "worker/native/request_object.h"
#include "worker/native/response_stream.h"
#include "worker/native/type_helpers.h"

#include <structmember.h>

#include <array>

namespace fettle::worker {

namespace {

using Fault = ResponseHead::Fault;

// What went wrong inside the lock, to be raised outside of it.
struct Refusal {
    enum class Kind { None, Ended, HeadersSet, HeadersSent, NotLatin1, NotHeader, NotText, Head };

    Kind kind = Kind::None;
    Fault fault = Fault::None;
    py::Ref culprit;  // the header that is wrong; null: the status
};

struct Arguments {
    PyObject* status = nullptr;
    PyObject* headers = nullptr;
    PyObject* exc_info = nullptr;  // null: none given
};

// ---- raising

void raise_fault(Fault fault, PyObject* culprit) {
    switch (fault) {
        case Fault::None:
            break;
        case Fault::StatusForm:
            PyErr_Format(PyExc_AssertionError, "a status is a three-digit code, a blank and a reason, not %R", culprit);
            break;
        case Fault::StatusCode:
            PyErr_Format(PyExc_AssertionError, "%R is not the status of a final response (200 to 599)", culprit);
            break;
        case Fault::ReasonCharacter:
            PyErr_Format(PyExc_ValueError, "the status has a control character: %R", culprit);
            break;
        case Fault::NameForm:
            PyErr_Format(PyExc_ValueError, "invalid header name in %R", culprit);
            break;
        case Fault::ValueCharacter:
            PyErr_Format(PyExc_ValueError, "the value of a header has a control character: %R", culprit);
            break;
        case Fault::HopByHop:
            PyErr_Format(PyExc_ValueError, "a hop-by-hop header is the server's to send (PEP 3333): %R", culprit);
            break;
        case Fault::LengthForm:
            PyErr_Format(PyExc_ValueError, "Content-Length is not a number: %R", culprit);
            break;
        case Fault::LengthTwice:
            PyErr_Format(PyExc_ValueError, "there is more than one Content-Length header: %R", culprit);
            break;
        case Fault::TooLarge:
            PyErr_Format(PyExc_ValueError, "the response has more than %u headers or %u bytes of them",
                         ipc::kMaxResponseHeaders, ipc::kMaxResponseHeadBytes);
            break;
    }
}

void raise(const Refusal& refusal, const Arguments& arguments) {
    PyObject* culprit = refusal.culprit ? refusal.culprit.get() : arguments.status;
    switch (refusal.kind) {
        case Refusal::Kind::None:
        case Refusal::Kind::HeadersSent:  // raises exc_info instead
            break;
        case Refusal::Kind::Ended:
            PyErr_SetString(PyExc_RuntimeError, "start_response() was called after its request had ended");
            break;
        case Refusal::Kind::HeadersSet:
            PyErr_SetString(PyExc_AssertionError,
                            "start_response() was called twice, the second time without exc_info");
            break;
        case Refusal::Kind::NotLatin1:
            PyErr_Format(PyExc_ValueError, "status and headers are Latin-1 (PEP 3333), this is not: %R", culprit);
            break;
        case Refusal::Kind::NotHeader:
            PyErr_Format(PyExc_TypeError, "a header is a tuple (name, value), not %R", culprit);
            break;
        case Refusal::Kind::NotText:
            PyErr_Format(PyExc_TypeError, "status and headers must be of type str: %R", culprit);
            break;
        case Refusal::Kind::Head:
            raise_fault(refusal.fault, culprit);
            break;
    }
}

// PEP 3333: with the headers already sent, start_response() raises the exception it was given.
void raise_given(PyObject* exc_info) {
    PyObject* value = PyTuple_GET_ITEM(exc_info, 1);
    PyObject* traceback = PyTuple_GET_ITEM(exc_info, 2);
    if (!PyExceptionInstance_Check(value)) {
        PyErr_SetString(PyExc_AssertionError,
                        "the headers were sent already, and exc_info holds no exception to raise");
    } else if (traceback == Py_None || PyException_SetTraceback(value, traceback) == 0) {
        py::raise_exception(py::Ref::borrow(value));
    }
}

// ---- taking status and headers

Refusal take_text(PyObject* object, std::string_view& text) {
    if (!PyUnicode_Check(object)) {
        return {.kind = Refusal::Kind::NotText};
    }
    const char* characters = py::latin1_characters(object);
    if (characters == nullptr) {
        return {.kind = Refusal::Kind::NotLatin1};
    }
    text = {characters, static_cast<std::size_t>(PyUnicode_GET_LENGTH(object))};
    return {};
}

Refusal take_status(ResponseHead& head, PyObject* status) {
    std::string_view text;
    Refusal refusal = take_text(status, text);
    if (refusal.kind == Refusal::Kind::None) {
        refusal.fault = head.set_status(text);
        refusal.kind = refusal.fault == Fault::None ? Refusal::Kind::None : Refusal::Kind::Head;
    }
    return refusal;
}

Refusal take_header(ResponseHead& head, py::Ref header) {
    Refusal refusal;
    if (!PyTuple_Check(header.get()) || PyTuple_GET_SIZE(header.get()) != 2) {
        refusal.kind = Refusal::Kind::NotHeader;
    } else {
        std::string_view name;
        std::string_view value;
        refusal = take_text(PyTuple_GET_ITEM(header.get(), 0), name);
        if (refusal.kind == Refusal::Kind::None) {
            refusal = take_text(PyTuple_GET_ITEM(header.get(), 1), value);
        }
        if (refusal.kind == Refusal::Kind::None) {
            refusal.fault = head.add(name, value);
            refusal.kind = refusal.fault == Fault::None ? Refusal::Kind::None : Refusal::Kind::Head;
        }
    }
    if (refusal.kind != Refusal::Kind::None) {
        refusal.culprit = std::move(header);
    }
    return refusal;
}

Refusal take_head(const RequestObject& self, const Arguments& arguments) {
    const RequestLock lock(self);
    if (!lock.held()) {
        return {.kind = Refusal::Kind::Ended};
    }
    ResponseWriter& writer = self.slot->writer;
    if (writer.note_start() && arguments.exc_info == nullptr) {
        return {.kind = Refusal::Kind::HeadersSet};
    }
    if (writer.head_sent()) {
        return {.kind = Refusal::Kind::HeadersSent};
    }
    Refusal refusal = take_status(writer.head(), arguments.status);
    for (Py_ssize_t index = 0; refusal.kind == Refusal::Kind::None && index < PyList_GET_SIZE(arguments.headers);
         ++index) {
        py::Ref header = py::list_item(arguments.headers, index);
        if (!header) {
            PyErr_Clear();  // another thread has shortened the list
            break;
        }
        refusal = take_header(writer.head(), std::move(header));
    }
    if (refusal.kind != Refusal::Kind::None) {
        writer.head().clear();
    }
    return refusal;
}

// ---- write

PyObject* write(PyObject* self, PyObject* const* given, std::size_t flagged_count, PyObject* keywords) {
    if (PyVectorcall_NARGS(flagged_count) != 1 || (keywords != nullptr && PyTuple_GET_SIZE(keywords) > 0)) {
        PyErr_SetString(PyExc_TypeError, "the argument is write(data)");
        return nullptr;
    }
    if (!check_body_type(given[0])) {
        return nullptr;
    }
    switch (send_piece(as_request_object(self), given[0], Surplus::Refuse)) {
        case Outcome::Done:
            Py_RETURN_NONE;
        case Outcome::Gone:
            PyErr_SetString(PyExc_BrokenPipeError,
                            "nobody waits for this response any more: the client has left or the request has ended");
            return nullptr;
        case Outcome::Error:
            return nullptr;
    }
    return nullptr;
}

// ---- start_response

bool parse_arguments(PyObject* const* given, std::size_t count, PyObject* keywords, Arguments& arguments) {
    const Py_ssize_t keyword_count = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
    PyObject* exc_info = count > 2 ? given[2] : nullptr;
    const bool by_keyword = keyword_count == 1 && count == 2 &&
                            PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, 0), "exc_info") == 0;
    if (by_keyword) {
        exc_info = given[2];
    }
    if (count < 2 || count > 3 || (keyword_count > 0 && !by_keyword)) {
        PyErr_SetString(PyExc_TypeError, "the arguments are start_response(status, headers, exc_info=None)");
        return false;
    }
    if (!PyList_Check(given[1])) {
        PyErr_Format(PyExc_TypeError, "headers must be a list of tuples (name, value), not %.200s",
                     Py_TYPE(given[1])->tp_name);
        return false;
    }
    if (exc_info != nullptr && exc_info != Py_None && (!PyTuple_Check(exc_info) || PyTuple_GET_SIZE(exc_info) != 3)) {
        PyErr_SetString(PyExc_TypeError, "exc_info must be a tuple as sys.exc_info() gives it");
        return false;
    }
    arguments = {given[0], given[1], exc_info == Py_None ? nullptr : exc_info};
    return true;
}

// PEP 3333: also after a first call that raised an error, the next one needs exc_info.
void note_failed_call(const RequestObject& object) {
    const RequestLock lock(object);
    if (lock.held()) {
        (void)object.slot->writer.note_start();
    }
}

PyObject* start_response(PyObject* self, PyObject* const* given, std::size_t flagged_count, PyObject* keywords) {
    Arguments arguments;
    const auto count = static_cast<std::size_t>(PyVectorcall_NARGS(flagged_count));
    RequestObject& object = as_request_object(self);
    if (!parse_arguments(given, count, keywords, arguments)) {
        note_failed_call(object);
        return nullptr;
    }
    if (const Refusal refusal = take_head(object, arguments); refusal.kind == Refusal::Kind::HeadersSent) {
        raise_given(arguments.exc_info);
        return nullptr;
    } else if (refusal.kind != Refusal::Kind::None) {
        raise(refusal, arguments);
        return nullptr;
    }
    // start_response() may run on any thread, the slot's objects only on its own, or where the GIL keeps others out.
    py::Ref none;
    py::Ref& cached = py::kFreeThreaded ? none : object.slot->write;
    py::Ref made = make_request_object(cached, object.slot->state.write_type.type(), *object.slot, write);
    if (made) {
        as_request_object(made.get()).number = object.number;  // without the GIL, its request may have ended by now
    }
    return made.release();
}

py::Ref make_callable_type(PyObject* module, const char* name, const char* documentation) {
    static const PyMemberDef members[] = {
            {"__vectorcalloffset__", T_PYSSIZET, offsetof(RequestObject, call), READONLY, nullptr},
            {},
    };
    const PyType_Slot slots[] = {
            {Py_tp_dealloc, py::as_slot(free_request_object)},
            {Py_tp_call, py::as_slot(PyVectorcall_Call)},
            {Py_tp_members, const_cast<PyMemberDef*>(members)},
            {Py_tp_doc, const_cast<char*>(documentation)},
            {},
    };
    return py::make_type(module, name, sizeof(RequestObject),
                         Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_VECTORCALL, slots);
}

}  // namespace

py::Ref make_start_response_type(PyObject* module) {
    return make_callable_type(module, "fettle._fettle.StartResponse",
                              "start_response(status, headers, exc_info=None) of the running request.");
}

py::Ref make_write_type(PyObject* module) {
    return make_callable_type(module, "fettle._fettle.Write", "write(data) of the running request.");
}

py::Ref make_start_response(Slot& slot) {
    return make_request_object(slot.start_response, slot.state.start_response_type.type(), slot, start_response);
}

}  // namespace fettle::worker
