// What workers write into their response files: the input is a programme of clients' actions, well-behaved workers'
// actions and forgeries, run against the balancer's real side of the channels. Oracles: response_rig.h.
#include "tests/fuzz/response_rig.h"
#include <fuzzer/FuzzedDataProvider.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

using namespace fettle;
using fuzz::Rig;
using fuzz::RigWorker;

constexpr int kMostSteps = 400;

// A number that is near to something that matters, or any.
std::uint64_t number(FuzzedDataProvider& input, std::uint64_t near) {
    switch (input.ConsumeIntegralInRange<int>(0, 3)) {
        case 0:
            return near + input.ConsumeIntegral<std::uint8_t>() - 128;
        case 1:
            return input.ConsumeIntegral<std::uint8_t>();
        case 2:
            return input.ConsumeIntegral<std::uint64_t>();
        default:
            return near ^ (std::uint64_t{1} << input.ConsumeIntegralInRange<int>(0, 63));
    }
}

// The descriptor the worker published last, or another of the ring.
std::uint32_t ring_place(FuzzedDataProvider& input, const ipc::ResponseChannel& channel) {
    const auto behind = input.ConsumeIntegralInRange<std::uint32_t>(0, 8);
    return static_cast<std::uint32_t>(channel.published.load() - behind) % ipc::kRingEntries;
}

void forge_descriptor(FuzzedDataProvider& input, ipc::ResponseDescriptor& descriptor) {
    switch (input.ConsumeIntegralInRange<int>(0, 6)) {
        case 0:
            descriptor.sequence = static_cast<std::uint32_t>(number(input, descriptor.sequence));
            break;
        case 1:
            descriptor.index = static_cast<std::uint16_t>(number(input, descriptor.index));
            break;
        case 2:
            descriptor.kind = static_cast<std::uint8_t>(input.ConsumeIntegralInRange<int>(0, 7));
            break;
        case 3:
            descriptor.flags = input.ConsumeIntegral<std::uint8_t>();
            break;
        case 4:
            descriptor.offset = static_cast<std::uint32_t>(number(input, ipc::kResponseArenaBytes));
            break;
        case 5:
            descriptor.length = static_cast<std::uint32_t>(number(input, descriptor.length));
            break;
        default:
            descriptor.app_ns = number(input, descriptor.app_ns);
            break;
    }
}

// The payload of a descriptor: fields and sizes of a record, or any byte.
void forge_payload(FuzzedDataProvider& input, ipc::ResponseChannel& channel) {
    const ipc::ResponseDescriptor& descriptor = channel.ring[ring_place(input, channel)];
    const std::uint32_t offset = descriptor.offset % (ipc::kResponseArenaBytes - 64);
    const auto word = input.ConsumeIntegralInRange<std::uint32_t>(0, 12);
    std::byte* at = channel.arena + offset + word * sizeof(std::uint32_t);
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof(value));
    value = static_cast<std::uint32_t>(number(input, value));
    std::memcpy(at, &value, sizeof(value));
}

// Publishes a descriptor of its own making, or one that was published before.
void forge_message(FuzzedDataProvider& input, ipc::ResponseChannel& channel) {
    const std::uint64_t published = channel.published.load();
    ipc::ResponseDescriptor& place = channel.ring[published % ipc::kRingEntries];
    place = channel.ring[ring_place(input, channel)];
    while (input.ConsumeBool()) {
        forge_descriptor(input, place);
    }
    channel.published.store(published + 1);
}

void forge(FuzzedDataProvider& input, RigWorker& rogue) {
    const auto lane = input.ConsumeIntegralInRange<std::uint32_t>(0, RigWorker::kLanes - 1);
    ipc::ResponseChannel& channel = rogue.forge(lane);
    switch (input.ConsumeIntegralInRange<int>(0, 7)) {
        case 0:
            channel.published.store(number(input, channel.published.load()));
            break;
        case 1:
            channel.consumed.store(number(input, channel.consumed.load()));
            break;
        case 2: {
            auto& word = channel.state[input.ConsumeIntegralInRange<std::uint32_t>(0, ipc::kRingEntries - 1)];
            word.store(number(input, word.load()));
            break;
        }
        case 3:
            forge_descriptor(input, channel.ring[ring_place(input, channel)]);
            break;
        case 4:
            forge_payload(input, channel);
            break;
        case 5: {
            ipc::LaneScore& score = rogue.forge_score(lane);
            score.asleep.store(static_cast<std::uint32_t>(number(input, 0)));
            score.attached.store(0);
            score.finished.store(number(input, 0));
            break;
        }
        default:
            forge_message(input, channel);
            break;
    }
}

void behave(FuzzedDataProvider& input, RigWorker& worker) {
    const auto lane = input.ConsumeIntegralInRange<std::uint32_t>(0, RigWorker::kLanes - 1);
    const auto which = input.ConsumeIntegral<std::uint8_t>();
    constexpr std::uint16_t kStatuses[] = {200, 204, 206, 304, 404, 503};
    constexpr std::uint32_t kSizes[] = {0, 1, 100, 5000, 70'000, 600'000};
    switch (input.ConsumeIntegralInRange<int>(0, 7)) {
        case 0:
        case 1:
            (void)worker.take(lane);
            break;
        case 2:
        case 3:
            (void)worker.head(lane, which,
                              {.status = input.PickValueInArray(kStatuses),
                               .headers = input.ConsumeIntegralInRange<std::uint32_t>(0, 40),
                               .declares_length = input.ConsumeBool()},
                              input.PickValueInArray(kSizes), input.ConsumeBool());
            break;
        case 4:
            (void)worker.body(lane, which, input.PickValueInArray(kSizes), input.ConsumeBool());
            break;
        case 5:
            (void)worker.end(lane, which);
            break;
        case 6:
            (void)worker.fail(lane, which);
            break;
        default:
            (void)worker.ask_for_body(lane, which);
            break;
    }
}

void act(FuzzedDataProvider& input, Rig& rig) {
    constexpr std::uint32_t kRecordSizes[] = {8, 300, 4000, 60'000};
    switch (input.ConsumeIntegralInRange<int>(0, 15)) {
        case 0:
        case 1:
            rig.request(input.PickValueInArray(kRecordSizes), input.ConsumeIntegralInRange<int>(0, 3) == 0);
            break;
        case 2:
            rig.more_body(input.ConsumeIntegral<std::uint8_t>(), input.ConsumeIntegral<std::uint16_t>(),
                          input.ConsumeBool());
            break;
        case 3:
            if (fuzz::RigClient* client = rig.client(input.ConsumeIntegral<std::uint8_t>())) {
                client->take(input.ConsumeIntegral<std::uint32_t>());
            }
            break;
        case 4:
            if (fuzz::RigClient* client = rig.client(input.ConsumeIntegral<std::uint8_t>())) {
                client->leave();
            }
            break;
        case 5:
            rig.pass(std::chrono::microseconds(input.ConsumeIntegral<std::uint16_t>()) * 1000);
            break;
        case 6:
            input.ConsumeBool() ? rig.recall_rogue() : rig.replace_rogue();
            break;
        case 7:
        case 8:
            input.ConsumeBool() ? rig.turn() : rig.sleep();
            break;
        case 9:
        case 10:
            behave(input, rig.honest());
            break;
        case 11:
        case 12:
        case 13:
            behave(input, rig.rogue());
            break;
        default:
            forge(input, rig.rogue());
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    {
        Rig rig;
        for (int step = 0; step < kMostSteps && input.remaining_bytes() > 0; ++step) {
            act(input, rig);
        }
        rig.finish();
    }
    Rig::settle();
    return 0;
}
