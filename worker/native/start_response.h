// start_response() and the write() it returns (PEP 3333).
//
// Status and headers are checked and turned into bytes at once, so that a mistake shows up in the application's own
// frame: AssertionError and TypeError as wsgiref raises them, ValueError for what would break the response apart.
#pragma once

#include "worker/native/slot.h"

namespace fettle::worker {

// Make the types, for the module's state. Null: a Python error is set.
[[nodiscard]] py::Ref make_start_response_type(PyObject* module);
[[nodiscard]] py::Ref make_write_type(PyObject* module);

// start_response of the running request.
[[nodiscard]] py::Ref make_start_response(Slot& slot);

}  // namespace fettle::worker
