// The module `micro_wsgi`: runs the benchmarks of this library inside the interpreter that has loaded it.
#include "worker/native/compat.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace {

// run(arguments): as the main function of a benchmark program.
PyObject* run(PyObject* /*module*/, PyObject* list) {
    std::vector<std::string> texts{"micro_wsgi"};
    for (Py_ssize_t index = 0; index < PyList_Size(list); ++index) {
        const char* text = PyUnicode_AsUTF8(PyList_GetItem(list, index));
        if (text == nullptr) {
            return nullptr;
        }
        texts.emplace_back(text);
    }
    std::vector<char*> arguments;
    for (std::string& text : texts) {
        arguments.push_back(text.data());
    }
    auto count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
        PyErr_SetString(PyExc_ValueError, "unknown option of a benchmark program");
        return nullptr;
    }
    benchmark::RunSpecifiedBenchmarks();
    return PyErr_Occurred() == nullptr ? Py_NewRef(Py_None) : nullptr;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name that the import system looks for
extern "C" __attribute__((visibility("default"))) PyObject* PyInit_micro_wsgi() {
    static PyMethodDef functions[] = {{"run", run, METH_O, nullptr}, {}};
    static PyModuleDef definition{
            .m_base = PyModuleDef_HEAD_INIT,
            .m_name = "micro_wsgi",
            .m_size = -1,
            .m_methods = functions,
    };
    return PyModule_Create(&definition);
}
