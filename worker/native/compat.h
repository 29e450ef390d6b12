// Everything that differs between the CPython versions we build for: 3.11 and newer, with or without the GIL. Nothing
// else in this folder asks for the version.
#pragma once

#define PY_SSIZE_T_CLEAN
#include "worker/native/py_ref.h"
#include "worker/native/type_helpers.h"

#include <Python.h>

namespace fettle::py {

// Threads run Python at the same time.
#ifdef Py_GIL_DISABLED
inline constexpr bool kFreeThreaded = true;
#else
inline constexpr bool kFreeThreaded = false;
#endif

// The item as a new reference; null with IndexError if the list has become shorter.
inline Ref list_item(PyObject* list, Py_ssize_t index) {
#if PY_VERSION_HEX >= 0x030d0000
    return Ref::steal(PyList_GetItemRef(list, index));
#else
    return Ref::borrow(PyList_GetItem(list, index));
#endif
}

// The attribute as a new reference. Null without an error if there is none, null with the error of any other failure.
inline Ref optional_attribute(PyObject* object, PyObject* name) {
#if PY_VERSION_HEX >= 0x030d0000
    PyObject* found = nullptr;
    (void)PyObject_GetOptionalAttr(object, name, &found);
    return Ref::steal(found);
#else
    Ref found = Ref::steal(PyObject_GetAttr(object, name));
    if (!found && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
    }
    return found;
#endif
}

// The pending exception with its traceback, no longer pending; null if there is none.
inline Ref take_exception() {
#if PY_VERSION_HEX >= 0x030c0000
    return Ref::steal(PyErr_GetRaisedException());
#else
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == nullptr) {
        return {};
    }
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != nullptr) {
        PyException_SetTraceback(value, traceback);
    }
    Py_XDECREF(traceback);
    Py_DECREF(type);
    return Ref::steal(value);
#endif
}

// Makes `exception` pending.
inline void raise_exception(Ref exception) {
#if PY_VERSION_HEX >= 0x030c0000
    PyErr_SetRaisedException(exception.release());
#else
    PyObject* value = exception.release();
    PyErr_Restore(Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(value))), value, PyException_GetTraceback(value));
#endif
}

// The characters of a str that holds nothing beyond Latin-1; null, without an error, for any other.
inline const char* latin1_characters(PyObject* text) {
#if PY_VERSION_HEX < 0x030c0000
    if (PyUnicode_READY(text) != 0) {  // strings of the deprecated legacy kind
        PyErr_Clear();
        return nullptr;
    }
#endif
    return PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND ? reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(text))
                                                        : nullptr;
}

// One entry of a dict, put there if the key is new. Returns 1 if it was there already (`value` becomes what is there),
// 0 if it was put there, -1 with an error.
inline int dict_set_default(PyObject* dict, PyObject* key, Ref& value) {
#if PY_VERSION_HEX >= 0x030d0000
    PyObject* there = nullptr;
    const int known = PyDict_SetDefaultRef(dict, key, value.get(), &there);
    value = Ref::steal(there);
    return known;
#else
    // The same object may be both, for strings of one character are shared: only the size tells.
    const Py_ssize_t before = PyDict_Size(dict);
    PyObject* there = PyDict_SetDefault(dict, key, value.get());
    if (there == nullptr) {
        return -1;
    }
    value = Ref::borrow(there);
    return PyDict_Size(dict) == before ? 1 : 0;
#endif
}

// Keeps other threads out of what belongs to `object` while it lives. With the GIL that is so anyway, until somebody
// detaches; so nobody may while it lives.
class ObjectLock {
  public:
#ifdef Py_GIL_DISABLED
    explicit ObjectLock(PyObject* object) {
        PyCriticalSection_Begin(&section_, object);
    }

    ~ObjectLock() {
        PyCriticalSection_End(&section_);
    }
#else
    explicit ObjectLock(PyObject* /*object*/) {}
#endif

    ObjectLock(const ObjectLock&) = delete;
    ObjectLock& operator=(const ObjectLock&) = delete;

#ifdef Py_GIL_DISABLED
  private:
    PyCriticalSection section_;
#endif
};

// The slots of the module's definition; `execute` is Py_mod_exec.
inline PyModuleDef_Slot* module_slots(int (*execute)(PyObject*)) {
    static PyModuleDef_Slot slots[] = {
        {Py_mod_exec, as_slot(execute)},
#if PY_VERSION_HEX >= 0x030c0000
        // One worker serves from its main interpreter.
        {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#ifdef Py_GIL_DISABLED
        // All state is per module or per slot; what several threads may reach is behind Exchange::mutex().
        {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
        {},
    };
    return slots;
}

}  // namespace fettle::py
