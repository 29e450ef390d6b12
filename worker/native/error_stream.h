// wsgi.errors (PEP 3333): text for the log. Lines of different requests do not mix, for each slot has a stream of its
// own that passes on whole lines, each by one write(2) to standard error. Text is written as UTF-8 whatever the locale
// is. The stream works beyond the request: logging handlers keep it.
#pragma once

#include "worker/native/module_state.h"
#include "worker/native/py_ref.h"

namespace fettle::worker {

// For the module's state. Null: a Python error is set.
[[nodiscard]] py::Ref make_error_stream_type(PyObject* module);

// A stream for one slot. Null: a Python error is set.
[[nodiscard]] py::Ref make_error_stream(const ModuleState& state);

// The request is over: ends the line that it left unfinished in `stream`, if any, so that the next one is not glued to
// it. Attached.
void end_error_line(PyObject* stream);

}  // namespace fettle::worker
