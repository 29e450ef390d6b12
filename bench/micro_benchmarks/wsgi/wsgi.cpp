// The worker's side in Python: from a request in the ring to its response in the ring, and the parts of that way.
#include "worker/native/wsgi.h"

#include "base/assert.h"
#include "bench/micro_benchmarks/batch_timer.h"
#include "bench/micro_benchmarks/sample_requests.h"
#include "bench/micro_benchmarks/wsgi/rig.h"
#include "worker/native/compat.h"
#include "worker/native/environ.h"
#include "worker/native/input_stream.h"
#include "worker/native/start_response.h"

#include <utility>

namespace fettle::micro {

namespace {

// ---- parts

void make_environ(benchmark::State& state, std::string_view wire) {
    Rig rig(load_application("hello"));
    rig.push(make_request_record(wire));
    rig.take();
    const ipc::RequestView request(rig.slot().exchange.request().payload);
    const py::Ref input = worker::make_input_stream(rig.slot());
    for (auto _ : state) {
        const py::Ref environ = worker::make_environ(rig.slot(), request, input.get());
        FETTLE_ASSERT(environ, "an environ can be made");
    }
}

void request_objects(benchmark::State& state) {
    Rig rig(load_application("hello"));
    rig.push(make_request_record(wrk_request()));
    rig.take();
    for (auto _ : state) {
        const py::Ref input = worker::make_input_stream(rig.slot());
        const py::Ref start_response = worker::make_start_response(rig.slot());
        benchmark::DoNotOptimize(start_response.get());
    }
}

py::Ref header_list(const Headers& headers) {
    py::Ref list = py::Ref::steal(PyList_New(0));
    for (const auto& [name, value] : headers) {
        const py::Ref pair = py::Ref::steal(Py_BuildValue("(ss)", name.c_str(), value.c_str()));
        FETTLE_ASSERT(pair && PyList_Append(list.get(), pair.get()) == 0, "a list can be made");
    }
    return list;
}

void start_response(benchmark::State& state, const Headers& headers) {
    Rig rig(load_application("hello"));
    rig.push(make_request_record(wrk_request()));
    rig.take();
    const py::Ref callable = worker::make_start_response(rig.slot());
    const py::Ref status = py::Ref::steal(PyUnicode_FromString("200 OK"));
    const py::Ref list = header_list(headers);
    PyObject* arguments[] = {nullptr, status.get(), list.get()};
    for (auto _ : state) {
        rig.slot().writer.begin(false);
        const py::Ref write = py::Ref::steal(
                PyObject_Vectorcall(callable.get(), arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
        FETTLE_ASSERT(write, "the sample is a valid head");
    }
}

PyObject* accept_anything(PyObject* /*module*/, PyObject* const* /*arguments*/, Py_ssize_t /*count*/) {
    return Py_NewRef(Py_None);
}

// What the application costs by itself: the part of wsgi/serve that is not ours.
void application_alone(benchmark::State& state) {
    static PyMethodDef definition{"accept_anything", py::as_method(accept_anything), METH_FASTCALL, nullptr};
    const py::Ref callable = py::Ref::steal(PyCFunction_New(&definition, nullptr));
    const py::Ref application = load_application("hello");
    const py::Ref environ = py::Ref::steal(PyDict_New());
    PyObject* arguments[] = {nullptr, environ.get(), callable.get()};
    for (auto _ : state) {
        const py::Ref result = py::Ref::steal(
                PyObject_Vectorcall(application.get(), arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
        FETTLE_ASSERT(result, "the application works");
    }
}

// ---- all of it

enum class Stage { Push, Serve, Harvest };

void serve(benchmark::State& state, const char* application, std::string_view wire, std::uint32_t batch) {
    Rig rig(load_application(application));
    const std::vector<std::byte> record = make_request_record(wire);
    BatchTimer timer(state, Stage::Serve, batch);
    while (timer.next()) {
        timer.run(Stage::Push, [&](std::uint32_t /*index*/) { rig.push(record); });
        timer.run(Stage::Serve, [&](std::uint32_t /*index*/) {
            rig.take();
            worker::serve_request(rig.slot());
        });
        timer.run(Stage::Harvest, [&](std::uint32_t /*index*/) { rig.harvest(); });
    }
}

BENCHMARK_CAPTURE(make_environ, named, wrk_request())->Name("wsgi/environ/1_header");
BENCHMARK_CAPTURE(make_environ, named, browser_request())->Name("wsgi/environ/12_headers");
BENCHMARK(request_objects)->Name("wsgi/request_objects");
BENCHMARK_CAPTURE(start_response, named, one_header())->Name("wsgi/start_response/1_header");
BENCHMARK_CAPTURE(start_response, named, six_headers())->Name("wsgi/start_response/6_headers");
BENCHMARK(application_alone)->Name("wsgi/application_alone");
BENCHMARK_CAPTURE(serve, named, "hello", wrk_request(), 64)
        ->Name("wsgi/serve/hello/1_header")
        ->Iterations(kCycles * 64)
        ->UseManualTime();
BENCHMARK_CAPTURE(serve, named, "hello", browser_request(), 64)
        ->Name("wsgi/serve/hello/12_headers")
        ->Iterations(kCycles * 64)
        ->UseManualTime();
BENCHMARK_CAPTURE(serve, named, "ten_kilobytes", wrk_request(), 64)
        ->Name("wsgi/serve/10KB")
        ->Iterations(kCycles * 64)
        ->UseManualTime();
BENCHMARK_CAPTURE(serve, named, "one_megabyte", wrk_request(), 1)
        ->Name("wsgi/serve/1MB")
        ->Iterations(kCycles)
        ->UseManualTime();
BENCHMARK_CAPTURE(serve, named, "echo", upload_request(), 16)
        ->Name("wsgi/serve/echo_10KB")
        ->Iterations(kCycles * 16)
        ->UseManualTime();

}  // namespace

}  // namespace fettle::micro
