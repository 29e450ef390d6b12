#include "bench/micro_benchmarks/wsgi/rig.h"

#include "base/assert.h"
#include "worker/native/compat.h"
#include "worker/native/environ.h"
#include "worker/native/error_stream.h"

#include <sys/eventfd.h>

#include <utility>

namespace fettle::micro {

worker::ModuleState& fettle_module() {
    const py::Ref module = py::Ref::steal(PyImport_ImportModule("_fettle"));
    FETTLE_ASSERT(module, "wsgi/run.py has loaded _fettle");
    return *static_cast<worker::ModuleState*>(PyModule_GetState(module.get()));
}

py::Ref load_application(const char* name) {
    const py::Ref module = py::Ref::steal(PyImport_ImportModule("application"));
    FETTLE_ASSERT(module, "application.py can be imported");
    py::Ref application = py::Ref::steal(PyObject_GetAttrString(module.get(), name));
    FETTLE_ASSERT(application, "application.py has this application");
    return application;
}

Rig::Rig(py::Ref application)
    : worker_(std::make_unique<worker::Worker>(ipc::ControlSocket(), Fd(::eventfd(0, EFD_CLOEXEC)), ipc::WorkerId{})
                      .release()),
      slot_(std::make_unique<worker::Slot>(fettle_module(), *worker_, 0).release()) {
    slot_->application = std::move(application);
    slot_->errors = worker::make_error_stream(slot_->state);
    slot_->environ_template = worker::make_environ_template(slot_->state, {}, slot_->errors.get());
    FETTLE_ASSERT(slot_->environ_template, "a slot can be made");
    slot_->exchange.attach(std::make_shared<worker::Attachment>(std::move(ends_.worker)), 0);
}

Rig::~Rig() {
    slot_->application.reset();
    slot_->environ_template.reset();
    slot_->errors.reset();
    slot_->input_stream.reset();
    slot_->start_response.reset();
}

void Rig::take() {
    FETTLE_ASSERT(slot_->exchange.take(), "a request is there");
}

}  // namespace fettle::micro
