#include "worker/native/error_stream.h"

#include "worker/native/compat.h"
#include "worker/native/report.h"
#include "worker/native/type_helpers.h"

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

namespace fettle::worker {

namespace {

struct ErrorStream {
    PyObject_HEAD std::string held;  // the beginning of a line, not written yet
    bool open_line;                  // flush() has written a line without its end
};

ErrorStream& as_stream(PyObject* self) {
    return *reinterpret_cast<ErrorStream*>(self);
}

void deallocate(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    std::destroy_at(&as_stream(self).held);
    type->tp_free(self);
    Py_DECREF(type);
}

void write_detached(const std::string& text) {
    if (!text.empty()) {
        const py::NoGil detached;
        write_whole(STDERR_FILENO, text);
    }
}

// Takes the text behind `held` and writes the lines that are complete then.
void put(PyObject* self, std::string_view text) {
    std::string lines;
    {
        const py::ObjectLock lock(self);
        ErrorStream& stream = as_stream(self);
        const std::size_t newline = text.rfind('\n');
        if (newline == std::string_view::npos) {
            stream.held.append(text);
            return;
        }
        lines = std::exchange(stream.held, std::string(text.substr(newline + 1)));
        lines.append(text.substr(0, newline + 1));
        stream.open_line = false;
    }
    write_detached(lines);
}

// Appends a str as UTF-8; what UTF-8 cannot hold (lone surrogates) as \udcff. False: an error is set.
bool append_text(std::string& text, PyObject* object) {
    if (!PyUnicode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "wsgi.errors takes str, not %.200s", Py_TYPE(object)->tp_name);
        return false;
    }
    const py::Ref bytes = py::Ref::steal(PyUnicode_AsEncodedString(object, "utf-8", "backslashreplace"));
    if (bytes) {
        text.append(PyBytes_AS_STRING(bytes.get()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get())));
    }
    return static_cast<bool>(bytes);
}

PyObject* write(PyObject* self, PyObject* object) {
    std::string text;
    if (!append_text(text, object)) {
        return nullptr;
    }
    put(self, text);
    return PyLong_FromSsize_t(PyUnicode_GET_LENGTH(object));
}

PyObject* writelines(PyObject* self, PyObject* lines) {
    const py::Ref iterator = py::Ref::steal(PyObject_GetIter(lines));
    if (!iterator) {
        return nullptr;
    }
    std::string text;
    while (const py::Ref line = py::Ref::steal(PyIter_Next(iterator.get()))) {
        if (!append_text(text, line.get())) {
            return nullptr;
        }
    }
    if (PyErr_Occurred() != nullptr) {
        return nullptr;
    }
    put(self, text);
    return Py_NewRef(Py_None);
}

PyObject* flush(PyObject* self, PyObject* /*unused*/) {
    std::string text;
    {
        const py::ObjectLock lock(self);
        ErrorStream& stream = as_stream(self);
        stream.open_line = stream.open_line || !stream.held.empty();
        text.swap(stream.held);
    }
    write_detached(text);
    return Py_NewRef(Py_None);
}

PyObject* fileno(PyObject* /*self*/, PyObject* /*unused*/) {
    return PyLong_FromLong(STDERR_FILENO);
}

PyObject* isatty(PyObject* /*self*/, PyObject* /*unused*/) {
    return PyBool_FromLong(::isatty(STDERR_FILENO));
}

}  // namespace

py::Ref make_error_stream_type(PyObject* module) {
    static const PyMethodDef methods[] = {
            {"write", py::as_method(write), METH_O, "write(text, /): appends text; whole lines go to the log at once"},
            {"writelines", py::as_method(writelines), METH_O, "writelines(lines, /): appends all of them"},
            {"flush", py::as_method(flush), METH_NOARGS, "flush(): writes also a line that is not finished"},
            {"fileno", py::as_method(fileno), METH_NOARGS, "fileno(): that of standard error"},
            {"isatty", py::as_method(isatty), METH_NOARGS, "isatty(): whether the log is a terminal"},
            {},
    };
    static const PyType_Slot slots[] = {
            {Py_tp_dealloc, py::as_slot(deallocate)},
            {Py_tp_methods, const_cast<PyMethodDef*>(methods)},
            {Py_tp_doc, const_cast<char*>("Text for the log (wsgi.errors).")},
            {},
    };
    return py::make_type(module, "fettle._fettle.ErrorStream", sizeof(ErrorStream), Py_TPFLAGS_DISALLOW_INSTANTIATION,
                         slots);
}

py::Ref make_error_stream(const ModuleState& state) {
    PyTypeObject* type = state.error_stream_type.type();
    py::Ref stream = py::Ref::steal(type->tp_alloc(type, 0));
    if (stream) {
        std::construct_at(&as_stream(stream.get()).held);
        as_stream(stream.get()).open_line = false;
    }
    return stream;
}

void end_error_line(PyObject* stream) {
    bool unfinished = false;
    {
        const py::ObjectLock lock(stream);
        unfinished = as_stream(stream).open_line || !as_stream(stream).held.empty();
    }
    if (unfinished) {
        put(stream, "\n");
    }
}

}  // namespace fettle::worker
