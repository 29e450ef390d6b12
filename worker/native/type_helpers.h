// The casts that the C API needs of every extension type, in one place.
#pragma once

#include "worker/native/py_ref.h"

namespace fettle::py {

// A function with one of the signatures that METH_* flags stand for, as PyMethodDef holds it.
template <class Function>
[[nodiscard]] PyCFunction as_method(Function* function) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

// A function as PyType_Slot and PyModuleDef_Slot hold it.
template <class Function>
[[nodiscard]] void* as_slot(Function* function) {
    return reinterpret_cast<void*>(function);
}

// A heap type of `module`, immutable and not to be subclassed. `slots` ends with {}. The C API takes neither slots nor
// method tables as const, but changes none.
[[nodiscard]] inline Ref make_type(PyObject* module, const char* name, std::size_t instance_bytes, unsigned long flags,
                                   const PyType_Slot* slots) {
    PyType_Spec spec{
            .name = name,
            .basicsize = static_cast<int>(instance_bytes),
            .itemsize = 0,
            .flags = static_cast<unsigned int>(Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | flags),
            .slots = const_cast<PyType_Slot*>(slots),
    };
    return Ref::steal(PyType_FromModuleAndSpec(module, &spec, nullptr));
}

}  // namespace fettle::py
