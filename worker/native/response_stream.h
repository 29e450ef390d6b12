// From what the application returns to the response: sequences at once, iterables piece by piece, files without Python.
#pragma once

#include "worker/native/request_object.h"

namespace fettle::worker {

// True for bytes; else TypeError is set.
[[nodiscard]] bool check_body_type(PyObject* piece);

// Sets the AssertionError for a body without a head.
void raise_not_started();

// What becomes of the bytes beyond Content-Length.
enum class Surplus {
    Drop,
    Refuse,  // AssertionError, once the others are sent
};

// Sends one piece (bytes) for the request of `object`. Gone: nobody waits for it. Any thread, attached.
[[nodiscard]] Outcome send_piece(const RequestObject& object, PyObject* piece, Surplus surplus = Surplus::Drop);

// Sends what the application returned; everything after this is close() and the end of the request. If the whole
// response fits into one descriptor, the request is ended with it (RunningRequest::ended). Slot's thread, attached.
[[nodiscard]] Outcome send_result(Slot& slot, PyObject* result);

// Time since the request was handed to the application.
[[nodiscard]] std::uint64_t app_time_ns(const Slot& slot);

}  // namespace fettle::worker
