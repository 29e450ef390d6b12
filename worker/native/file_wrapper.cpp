#include "worker/native/file_wrapper.h"

#include "worker/native/compat.h"
#include "worker/native/response_stream.h"
#include "worker/native/type_helpers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace fettle::worker {

namespace {

constexpr Py_ssize_t kDefaultBlock = 8192;

struct FileWrapper {
    PyObject_HEAD py::Ref file;
    py::Ref block_size;  // int, the argument of read()
};

FileWrapper& as_wrapper(PyObject* self) {
    return *reinterpret_cast<FileWrapper*>(self);
}

PyObject* make(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
    static const char* const names[] = {"filelike", "blksize", nullptr};
    PyObject* file = nullptr;
    Py_ssize_t block_size = kDefaultBlock;
    if (PyArg_ParseTupleAndKeywords(arguments, keywords, "O|n:FileWrapper", const_cast<char**>(names), &file,
                                    &block_size) == 0) {
        return nullptr;
    }
    py::Ref block = py::Ref::steal(PyLong_FromSsize_t(block_size));
    PyObject* self = block ? type->tp_alloc(type, 0) : nullptr;
    if (self != nullptr) {
        std::construct_at(&as_wrapper(self).file, py::Ref::borrow(file));
        std::construct_at(&as_wrapper(self).block_size, std::move(block));
    }
    return self;
}

int traverse(PyObject* self, visitproc visitor, void* argument) {
    if (const int stop = visitor(reinterpret_cast<PyObject*>(Py_TYPE(self)), argument); stop != 0) {
        return stop;
    }
    return as_wrapper(self).file.visit(visitor, argument);
}

int clear(PyObject* self) {
    as_wrapper(self).file.reset();
    return 0;
}

void deallocate(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    std::destroy_at(&as_wrapper(self).file);
    std::destroy_at(&as_wrapper(self).block_size);
    type->tp_free(self);
    Py_DECREF(type);
}

PyObject* next_block(PyObject* self) {
    const FileWrapper& wrapper = as_wrapper(self);
    const ModuleState& state = state_of(Py_TYPE(self));
    py::Ref block = py::Ref::steal(
            PyObject_CallMethodOneArg(wrapper.file.get(), state.constants[Name::Read], wrapper.block_size.get()));
    if (!block) {
        return nullptr;
    }
    const int more = PyObject_IsTrue(block.get());
    return more == 1 ? block.release() : nullptr;  // without an error: StopIteration
}

PyObject* close(PyObject* self, PyObject* /*unused*/) {
    PyObject* name = state_of(Py_TYPE(self)).constants[Name::Close];
    const py::Ref method = py::optional_attribute(as_wrapper(self).file.get(), name);
    if (method) {
        return PyObject_CallNoArgs(method.get());
    }
    return PyErr_Occurred() == nullptr ? Py_NewRef(Py_None) : nullptr;
}

// The io object whose position counts, if `file` is of a type that we know to be transparent.
bool is_transparent(const ModuleState& state, PyObject* file) {
    if (Py_IS_TYPE(file, state.file_io_type.type())) {
        return true;
    }
    if (!Py_IS_TYPE(file, state.buffered_reader_type.type()) && !Py_IS_TYPE(file, state.buffered_random_type.type())) {
        return false;
    }
    const py::Ref raw = py::optional_attribute(file, state.constants[Name::Raw]);
    return raw && Py_IS_TYPE(raw.get(), state.file_io_type.type());
}

std::optional<long long> call_for_number(PyObject* object, PyObject* method) {
    const py::Ref result = py::Ref::steal(PyObject_CallMethodNoArgs(object, method));
    const long long number = result ? PyLong_AsLongLong(result.get()) : -1;
    return PyErr_Occurred() == nullptr ? std::optional(number) : std::nullopt;
}

// Reads the next bytes into `space`, detached, and moves the position. 0: end of the file; -1: `error` is set.
ssize_t read_block(OpenFile& file, std::span<std::byte> space, int& error) {
    const py::NoGil detached;
    ssize_t got = 0;
    do {
        got = ::pread(file.fd, space.data(), space.size(), file.position);
    } while (got < 0 && errno == EINTR);
    error = got < 0 ? errno : 0;
    file.position += std::max<ssize_t>(got, 0);
    return got;
}

}  // namespace

py::Ref make_file_wrapper_type(PyObject* module) {
    static const PyMethodDef methods[] = {
            {"close", py::as_method(close), METH_NOARGS, "Closes the file, if it can be closed."},
            {},
    };
    static const PyType_Slot slots[] = {
            {Py_tp_new, py::as_slot(make)},
            {Py_tp_dealloc, py::as_slot(deallocate)},
            {Py_tp_traverse, py::as_slot(traverse)},
            {Py_tp_clear, py::as_slot(clear)},
            {Py_tp_iter, py::as_slot(PyObject_SelfIter)},
            {Py_tp_iternext, py::as_slot(next_block)},
            {Py_tp_methods, const_cast<PyMethodDef*>(methods)},
            {Py_tp_doc, const_cast<char*>("FileWrapper(filelike, blksize=8192): wsgi.file_wrapper of PEP 3333.")},
            {},
    };
    return py::make_type(module, "fettle._fettle.FileWrapper", sizeof(FileWrapper), Py_TPFLAGS_HAVE_GC, slots);
}

std::optional<OpenFile> real_file(const ModuleState& state, PyObject* wrapper) {
    PyObject* file = as_wrapper(wrapper).file.get();
    if (!is_transparent(state, file)) {
        return std::nullopt;
    }
    const std::optional<long long> fd = call_for_number(file, state.constants[Name::Fileno]);
    if (!fd) {
        return std::nullopt;  // closed: ValueError
    }

    // What was written to it may still be in its buffer, with the position moved by seek() since.
    if (Py_IS_TYPE(file, state.buffered_random_type.type()) &&
        !py::Ref::steal(PyObject_CallMethodNoArgs(file, state.constants[Name::Flush]))) {
        return std::nullopt;
    }

    struct stat status {};

    if (::fstat(static_cast<int>(*fd), &status) != 0 || !S_ISREG(status.st_mode)) {
        return std::nullopt;
    }
    const std::optional<long long> position = call_for_number(file, state.constants[Name::Tell]);
    if (!position) {
        return std::nullopt;
    }
    if (status.st_size <= *position) {
        return std::nullopt;  // empty, or of a file system like /proc that does not know the size: read() tells
    }
    const auto length = static_cast<std::uint64_t>(status.st_size - *position);
    return OpenFile{static_cast<int>(*fd), static_cast<off_t>(*position), length};
}

Outcome send_file(const RequestObject& request, OpenFile file) {
    ResponseWriter& writer = request.slot->writer;
    Outcome outcome = Outcome::Done;
    int error = 0;
    RequestLock lock(request);
    if (!lock.held()) {
        return Outcome::Gone;
    }
    if (!writer.head().is_set()) {
        lock.unlock();
        raise_not_started();
        return Outcome::Error;
    }
    writer.declare_length(file.length);
    for (std::uint64_t left = writer.wanted(file.length); left > 0 && outcome == Outcome::Done;) {
        std::span<std::byte> space;
        outcome = complete(lock, [&](Mode mode) { return writer.reserve(left, mode, space); });
        if (outcome == Outcome::Done) {
            const ssize_t got = read_block(file, space, error);
            if (got <= 0) {
                break;  // an error, or the file became shorter: then the body does not have its declared length
            }
            writer.commit(static_cast<std::uint32_t>(got));
            left -= static_cast<std::uint64_t>(got);
        }
    }
    if (error != 0) {
        lock.unlock();
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        return Outcome::Error;
    }
    return outcome;
}

}  // namespace fettle::worker
