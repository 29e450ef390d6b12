// Runs a WSGI application (PEP 3333) for one request.
#pragma once

#include "worker/native/slot.h"

namespace fettle::worker {

// Serves the request that slot.exchange has just taken, to its last descriptor. Slot's thread, attached; no Python
// error is set before or after.
void serve_request(Slot& slot);

}  // namespace fettle::worker
