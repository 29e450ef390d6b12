// wsgi.input: reads the request's body from the lane, waiting detached for what has not arrived.
//
// read, readline, readlines and iteration as PEP 3333 has them; end of the body is b"". A client that leaves in the
// middle of its body gives ConnectionResetError; reading after the request ValueError, as from a closed file.
#pragma once

#include "worker/native/slot.h"

namespace fettle::worker {

// Makes the type, for the module's state. Null: a Python error is set.
[[nodiscard]] py::Ref make_input_stream_type(PyObject* module);

// wsgi.input of the running request.
[[nodiscard]] py::Ref make_input_stream(Slot& slot);

}  // namespace fettle::worker
