// The module `_fettle`: multi-phase initialisation (PEP 489), all state in ModuleState.
#include "worker/native/compat.h"
#include "worker/native/error_stream.h"
#include "worker/native/file_wrapper.h"
#include "worker/native/input_stream.h"
#include "worker/native/module_functions.h"
#include "worker/native/module_state.h"
#include "worker/native/start_response.h"
#include "worker/native/type_helpers.h"

#include <memory>

namespace fettle::worker {

namespace {

ModuleState* state_of_module(PyObject* module) {
    return static_cast<ModuleState*>(PyModule_GetState(module));
}

bool import_attribute(const char* module_name, const char* attribute, py::Ref& result) {
    const py::Ref module = py::Ref::steal(PyImport_ImportModule(module_name));
    result = module ? py::Ref::steal(PyObject_GetAttrString(module.get(), attribute)) : py::Ref();
    return static_cast<bool>(result);
}

bool make_types(PyObject* module, ModuleState& state) {
    state.input_stream_type = make_input_stream_type(module);
    state.start_response_type = state.input_stream_type ? make_start_response_type(module) : py::Ref();
    state.write_type = state.start_response_type ? make_write_type(module) : py::Ref();
    state.file_wrapper_type = state.write_type ? make_file_wrapper_type(module) : py::Ref();
    state.error_stream_type = state.file_wrapper_type ? make_error_stream_type(module) : py::Ref();
    return state.error_stream_type && PyModule_AddObjectRef(module, "FileWrapper", state.file_wrapper_type.get()) == 0;
}

int execute(PyObject* module) {
    ModuleState& state = *std::construct_at(state_of_module(module));
    const bool made = state.constants.make() && import_attribute("io", "BufferedReader", state.buffered_reader_type) &&
                      import_attribute("io", "BufferedRandom", state.buffered_random_type) &&
                      import_attribute("io", "FileIO", state.file_io_type) &&
                      import_attribute("traceback", "format_exception", state.format_exception) &&
                      make_types(module, state);
    return made ? 0 : -1;
}

// The state is zeroed memory until execute() has run, which is what null Refs are.
int traverse(PyObject* module, visitproc visitor, void* argument) {
    const ModuleState* state = state_of_module(module);
    if (state == nullptr) {
        return 0;
    }
    for (const py::Ref* ref : {&state->input_stream_type, &state->start_response_type, &state->write_type,
                               &state->file_wrapper_type, &state->error_stream_type, &state->buffered_reader_type,
                               &state->buffered_random_type, &state->file_io_type, &state->format_exception}) {
        if (const int stop = ref->visit(visitor, argument); stop != 0) {
            return stop;
        }
    }
    return state->constants.visit(visitor, argument);
}

int clear(PyObject* module) {
    ModuleState* state = state_of_module(module);
    if (state == nullptr) {
        return 0;
    }
    for (py::Ref* ref : {&state->input_stream_type, &state->start_response_type, &state->write_type,
                         &state->file_wrapper_type, &state->error_stream_type, &state->buffered_reader_type,
                         &state->buffered_random_type, &state->file_io_type, &state->format_exception}) {
        ref->reset();
    }
    state->constants.clear();
    return 0;
}

void free_state(void* module) {
    (void)clear(static_cast<PyObject*>(module));
}

}  // namespace

}  // namespace fettle::worker

// NOLINTNEXTLINE(readability-identifier-naming): the name that the import system looks for
extern "C" __attribute__((visibility("default"))) PyObject* PyInit__fettle() {
    static PyModuleDef definition{
            .m_base = PyModuleDef_HEAD_INIT,
            .m_name = "fettle._fettle",
            .m_doc = "The native part of a fettle worker.",
            .m_size = sizeof(fettle::worker::ModuleState),
            .m_methods = fettle::worker::module_functions(),
            .m_slots = fettle::py::module_slots(fettle::worker::execute),
            .m_traverse = fettle::worker::traverse,
            .m_clear = fettle::worker::clear,
            .m_free = fettle::worker::free_state,
    };
    return PyModuleDef_Init(&definition);
}
