// wsgi.file_wrapper (PEP 3333). A real file that the application returns in it is sent without Python: pread(2)
// straight into the lane's arena, with the interpreter detached. Anything else is iterated like any other result.
#pragma once

#include "worker/native/request_object.h"

#include <sys/types.h>

#include <optional>

namespace fettle::worker {

// Makes the type FileWrapper(filelike, blksize=8192), for the module's state. Null: a Python error is set.
[[nodiscard]] py::Ref make_file_wrapper_type(PyObject* module);

// A regular file, to be sent from `position` to its end, `length` bytes further. The descriptor is the file object's.
struct OpenFile {
    int fd = -1;
    off_t position = 0;
    std::uint64_t length = 0;
};

// The file in a FileWrapper, if its descriptor gives what its read() would: an exact io.BufferedReader,
// io.BufferedRandom or io.FileIO on a regular file. (gzip.GzipFile also has a fileno(), of the compressed file.)
// Without a value: it is not one, or a Python error is set.
[[nodiscard]] std::optional<OpenFile> real_file(const ModuleState& state, PyObject* wrapper);

// Sends it as the body of the running request.
[[nodiscard]] Outcome send_file(const RequestObject& request, OpenFile file);

}  // namespace fettle::worker
