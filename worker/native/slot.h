// A slot: the thread that runs one request after the other, and what it keeps from request to request.
#pragma once

#include "worker/native/lane/exchange.h"
#include "worker/native/lane/request_body.h"
#include "worker/native/lane/response_writer.h"
#include "worker/native/module_state.h"
#include "worker/native/remembered_text.h"

#include <cstdint>
#include <string>
#include <thread>

namespace fettle::worker {

// How the application is run; the same for every slot of the process.
struct Setting {
    bool multithread = false;
    bool multiprocess = true;
    std::string script_name{};  // bytes; where the application is mounted, "" or "/shop"
};

// The running request, for its log lines and its end. `method` and `uri` are str objects of the environ, because the
// record they came from is released while the request still runs.
struct RunningRequest {
    py::Ref id;
    py::Ref method;
    py::Ref uri;
    std::uint64_t started_ns = 0;  // CLOCK_MONOTONIC
    std::uint64_t app_ns = 0;      // time in the application, once that is through
    bool ended = false;            // its last descriptor is published
};

// Slots are never freed: wsgi.input and the like may be kept by the application and still ask them whether their
// request runs. Their Python objects go at the end of run_slot().
struct Slot {
    // On the slot's own thread.
    Slot(ModuleState& module_state, Worker& shared_worker, std::uint32_t number)
        : state(module_state), worker(shared_worker), lane(number), body(exchange), writer(exchange) {}

    ModuleState& state;
    Worker& worker;
    const std::uint32_t lane;
    const std::thread::id thread = std::this_thread::get_id();

    Exchange exchange;
    RequestBody body;
    ResponseWriter writer;

    // Used by the slot's thread only. With the free-threaded build nothing here is shared with another slot.
    py::Ref application;
    std::string script_name;
    py::Ref environ_template;
    py::Ref errors;        // wsgi.errors
    py::Ref input_stream;  // the objects of the last request, used again if nobody kept them
    py::Ref start_response;
    py::Ref write;
    RememberedTexts texts;
    RunningRequest running;

    Slot* next = nullptr;  // in ModuleState::slots
};

// Makes the calling thread a slot that has no thread yet, and runs `application` for its requests until the worker is
// to stop. Returns at once if all slots have their threads. Call attached. Null: a Python error is set; else None.
[[nodiscard]] py::Ref run_slot(ModuleState& state, PyObject* application, const Setting& setting);

// In a forked child of the worker: no object of a request works any more, and a slot whose application returns there
// ends the process instead of answering in its parent's name.
void disown_slots(ModuleState& state);

}  // namespace fettle::worker
