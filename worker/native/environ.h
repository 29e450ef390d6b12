// The WSGI environ of a request: a copy of the slot's template, filled from the request's record (PEP 3333, with the
// names that gunicorn adds).
#pragma once

#include "ipc/request_record.h"
#include "worker/native/slot.h"

namespace fettle::worker {

// The entries that all requests of a slot share, in a dict that has room for a usual request. `errors` is wsgi.errors.
// Null: a Python error is set.
[[nodiscard]] py::Ref make_environ_template(const ModuleState& state, const Setting& setting, PyObject* errors);

// The environ of the running request of `slot`; also sets its identity (slot.running). Left out are header names with
// an underscore, which could not be told from those with a dash, for which proxies vouch, and Proxy, which as
// HTTP_PROXY would pose as the variable of that name (httpoxy).
[[nodiscard]] py::Ref make_environ(Slot& slot, const ipc::RequestView& request, PyObject* input_stream);

}  // namespace fettle::worker
