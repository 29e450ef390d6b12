// The functions of `_fettle`: a private interface between the extension and the Python package `fettle`.
#pragma once

#include "worker/native/py_ref.h"

namespace fettle::worker {

// The method table of the module.
[[nodiscard]] PyMethodDef* module_functions();

}  // namespace fettle::worker
