// SPDX-License-Identifier: Apache-2.0
//
// From the SYN on: TCP by protocols/tcp, TLS, HTTP, and what each mode does when a body is there.
#include <algorithm>

#include "bench/storm/farm.h"

namespace slipway::storm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kConnectPatience = seconds(60);    // EDK II's
constexpr Duration kHandshakePatience = seconds(60);  // EDK II's
constexpr Duration kFinPatience = seconds(2);         // HTTP_FIN_TIMEOUT
constexpr Duration kSlowTick = milliseconds(250);
constexpr std::uint32_t kSlowWindow = 8192;  // until it has read the response's head
constexpr std::size_t kRecord = 16384;

}  // namespace

// --- The connection -------------------------------------------------------------------------

void Farm::Connect(Machine& machine) {
  if (!TakeAddress(machine)) return Fail(machine, Failure::kAddressTaken);
  tcp::Host& host = *HostsOf(machine).host;
  constexpr std::uint16_t kFirstPort = 49152;
  for (int attempts = 0; attempts < 16; ++attempts) {
    machine.local_port = machine.local_port == 65535
                             ? kFirstPort
                             : static_cast<std::uint16_t>(machine.local_port + 1);
    const auto id = host.Connect({.local_address = machine.address,
                                  .local_port = Port(machine.local_port),
                                  .remote_address = machine.server,
                                  .remote_port = machine.url->port},
                                 now_);
    if (!id) continue;
    machine.connection = *id;
    machine.output.Restart();
    host.Attach(*id, &machine.output);
    if (machine.mode == Mode::kSlowReader) host.SetReceiveRoom(*id, kSlowWindow);
    machine.asked_at = now_;
    Enter(machine, Phase::kConnect, kConnectPatience);
    return;
  }
  Fail(machine, Failure::kNoPort);
}

void Farm::DeliverTcp(Machine& machine, const ipv4::Packet& packet, ChecksumState checksum) {
  const auto segment = tcp::Parse(packet.payload, packet.source, packet.destination, checksum);
  if (!segment) {
    ++tally_.malformed;
    return;
  }
  tcp::Host& host = *HostsOf(machine).host;
  const auto tuple = tcp::FourTuple::Of(*segment, packet.source, packet.destination);
  const tcp::Delivery delivery = host.Receive(*segment, tuple, now_);
  const tcp::ConnectionId id = delivery.connection;
  if (!id.valid() || id != machine.connection) return;
  if (delivery.opened) OnOpened(machine);
  if (!delivery.text.empty()) TakeText(machine, delivery.text);
  while (machine.connection == id) {
    const Bytes run = host.TakeText(id);
    if (run.empty()) break;
    TakeText(machine, run);
  }
  if (machine.connection != id) return;
  if (delivery.closed || delivery.finished) return OnClosed(machine, delivery);
  if (machine.personality->acknowledges_pairs) EmitConnection(host, id);
}

void Farm::OnClosed(Machine& machine, const tcp::Delivery& delivery) {
  if (machine.phase == Phase::kClosing) {
    if (delivery.closed) {
      Forget(machine);
      AfterConnection(machine);
    }
    return;
  }
  if (delivery.reset && machine.phase == Phase::kConnect) return Fail(machine, Failure::kRefused);
  // Firmware that refuses tells nobody; a server that refuses a handshake sends an alert first.
  if (machine.phase == Phase::kHandshake && !machine.handshake_arrived.empty()) return;
  Fail(machine, delivery.reset ? Failure::kReset : Failure::kClosedEarly);
}

void Farm::OnExpired(const tcp::Expired& expired, Hosts& hosts) {
  if (!tcp::Closes(expired.what)) return;
  const auto tuple = hosts.host->Info(expired.connection).tuple;
  const auto owner = by_address_.find(tuple.local_address.value());
  if (owner == by_address_.end()) return;
  Machine& machine = machines_[owner->second];
  if (machine.connection != expired.connection) return;
  if (machine.phase == Phase::kClosing) {
    Forget(machine);
    return AfterConnection(machine);
  }
  Fail(machine,
       expired.what == tcp::Expiry::kNoHandshake ? Failure::kNoConnection : Failure::kStalled);
}

void Farm::OnOpened(Machine& machine) {
  if (!machine.url->tls) return Ask(machine);
  Enter(machine, Phase::kHandshake, kHandshakePatience);
  machine.handshake =
      std::make_unique<Handshake>(*HostsOf(machine).client, machine.url->host, machine.verified);
  if (!machine.handshake_queued) handshakes_due_.push_back(machine.index);
  machine.handshake_queued = true;
}

// --- TLS ------------------------------------------------------------------------------------

void Farm::TakeText(Machine& machine, Bytes text) {
  if (machine.phase == Phase::kHead || machine.phase == Phase::kBody) {
    tally_.longest_silence = std::max(tally_.longest_silence, now_ - machine.heard_at);
  }
  machine.heard_at = now_;
  if (machine.handshake != nullptr) {
    machine.handshake_arrived.insert(machine.handshake_arrived.end(), text.begin(), text.end());
    if (!machine.handshake_queued) handshakes_due_.push_back(machine.index);
    machine.handshake_queued = true;
  } else if (machine.reader != nullptr) {
    TakeRecords(machine, text);
  } else {
    TakeResponse(machine, text, text.size());
  }
}

void Farm::StepHandshakes() {
  for (std::size_t i = 0; i < kHandshakeStepsMax && !handshakes_due_.empty(); ++i) {
    Machine& machine = machines_[handshakes_due_.front()];
    handshakes_due_.pop_front();
    machine.handshake_queued = false;
    if (machine.handshake != nullptr) StepHandshake(machine);
  }
}

void Farm::StepHandshake(Machine& machine) {
  const std::vector<std::uint8_t> arrived = std::move(machine.handshake_arrived);
  machine.handshake_arrived.clear();
  const auto state = machine.handshake->Receive(arrived, machine.output.bytes);
  HostsOf(machine).host->Wake(machine.connection);
  if (state == Handshake::State::kDone) return OnSecured(machine);
  if (state == Handshake::State::kFailed) return Fail(machine, machine.handshake->failure());
  if (!HostsOf(machine).host->Alive(machine.connection)) Fail(machine, Failure::kReset);
}

void Farm::OnSecured(Machine& machine) {
  ++tally_.handshakes;
  tally_.handshake_times.Add(now_ - machine.asked_at);
  const std::vector<std::uint8_t> rest = machine.handshake->TakeRest();
  const TrafficKeys& keys = machine.handshake->keys();
  machine.write_keys = keys.write;
  machine.reader = std::make_unique<RecordReader>(*crypto_, keys.read, keys.read_secret);
  machine.handshake.reset();
  if (machine.mode == Mode::kHandshake) {
    // In TLS 1.3 the last word is the machine's: a reset on its heels would take the connection
    // away before the server has read it. A FIN waits for that.
    EmitConnection(*HostsOf(machine).host, machine.connection);
    return EndConnection(machine);
  }
  Ask(machine);
  if (!rest.empty() && machine.reader != nullptr) TakeRecords(machine, rest);
}

void Farm::TakeRecords(Machine& machine, Bytes text) {
  const tcp::ConnectionId id = machine.connection;
  RecordReader::Piece piece;
  while (machine.reader != nullptr && machine.reader->Next(text, piece)) {
    if (piece.type == tls::ContentType::kApplicationData) {
      TakeResponse(machine, piece.text, piece.size);
      if (machine.connection != id) return;
    } else if (piece.type != tls::ContentType::kHandshake &&
               piece.type != tls::ContentType::kAlert) {
      return Fail(machine, Failure::kRecordUnexpected);
    }
  }
  if (machine.reader != nullptr && machine.reader->failure() != Failure::kNone) {
    Fail(machine, machine.reader->failure());
  }
}

// --- HTTP -----------------------------------------------------------------------------------

void Farm::Ask(Machine& machine) {
  const Duration patience = machine.mode == Mode::kSlowReader
                                ? kSlowTick
                                : Wait(machine.personality->patience, options_.patience);
  const bool downloads = machine.mode == Mode::kDownload;
  const bool asks_head = downloads || machine.personality->asks_head_first;
  machine.head_request = asks_head && !machine.length_known && machine.mode != Mode::kRequests;
  Range range;
  if (downloads && machine.length_known) {
    range = {.first = machine.range_first,
             .size = std::min(options_.range_bytes, machine.length - machine.range_first)};
  }
  WriteRequest(*machine.personality, *machine.url, machine.head_request, range, text_);
  if (machine.url->tls) {
    crypto_->Seal(machine.write_keys, tls::ContentType::kApplicationData, AsBytes(text_),
                  machine.output.bytes);
  } else {
    const Bytes text = AsBytes(text_);
    machine.output.bytes.insert(machine.output.bytes.end(), text.begin(), text.end());
  }
  HostsOf(machine).host->Wake(machine.connection);
  machine.head.Clear();
  machine.asked_at = machine.heard_at = now_;
  if (machine.served_from == Time{} && !machine.head_request) machine.served_from = now_;
  Enter(machine, Phase::kHead, patience);
}

void Farm::TakeResponse(Machine& machine, Bytes text, std::size_t size) {
  const tcp::ConnectionId id = machine.connection;
  if (machine.phase == Phase::kHead) {
    const auto progress = machine.head.Receive(text);
    if (progress == ResponseHead::Progress::kMore) return;
    if (progress == ResponseHead::Progress::kMalformed) {
      return Fail(machine, Failure::kResponseMalformed);
    }
    size = text.size();
    OnHead(machine);
    if (machine.connection != id) return;
  }
  if (size == 0) return;
  if (machine.phase != Phase::kBody || size > machine.body_left) {
    return Fail(machine, Failure::kLengthDiffers);
  }
  TakeBody(machine, text, size);
}

void Farm::OnHead(Machine& machine) {
  const ResponseHead& head = machine.head;
  if (head.status() != 200 && head.status() != 206) return Fail(machine, Failure::kStatusNotOk);
  if (machine.head_request) {
    machine.length = head.length();
    machine.length_known = true;
    if (machine.mode == Mode::kDownload) {
      // Each from an offset of its own, and not a power of two apart: readers in step would all
      // fall on the same sets of the server's cache, which no site's machines do.
      constexpr std::uint64_t kScatter = 0x9e3779b97f4a7c15;
      const std::uint64_t share = std::max<std::uint64_t>(1, machine.length / machines_.size());
      const std::uint64_t first = share * machine.index + machine.index * kScatter % share;
      machine.range_first = first / kRecord * kRecord;
    }
    return Ask(machine);
  }
  const bool differs = machine.length_known && head.total() != machine.length;
  if (differs || (head.status() == 206) != (machine.mode == Mode::kDownload) ||
      (head.status() == 206 && head.first() != machine.range_first)) {
    return Fail(machine, Failure::kLengthDiffers);
  }
  machine.file = nullptr;
  if (machine.verified) {
    machine.file = library_.Find(machine.url->path, head.total(), head.tag());
    if (machine.file == nullptr) return Fail(machine, Failure::kDigestDiffers);
  }
  machine.phase = Phase::kBody;
  machine.body_offset = head.first();
  machine.body_left = head.length();
  if (machine.reader != nullptr) machine.reader->CountOnly(!machine.verified);
  if (machine.mode == Mode::kSlowReader) {
    HostsOf(machine).host->SetReceiveRoom(machine.connection, 1);
  }
  if (machine.body_left == 0) OnBody(machine);
}

void Farm::TakeBody(Machine& machine, Bytes text, std::size_t size) {
  if (machine.file != nullptr && !text.empty()) {
    const Failure failure = library_.Check(*machine.file, machine.body_offset, text);
    if (failure != Failure::kNone) return Fail(machine, failure);
  }
  if (machine.receiver != nullptr) {  // it decrypts record by record
    const std::uint64_t records =
        (machine.body_offset + size) / kRecord - machine.body_offset / kRecord;
    if (records > 0) machine.receiver->BeDeaf(options_.deaf * static_cast<Duration::rep>(records));
  }
  if (machine.mode == Mode::kSlowReader) {  // that is all until the next tick
    HostsOf(machine).host->SetReceiveRoom(machine.connection, 1);
  }
  machine.body_offset += size;
  machine.body_left -= size;
  machine.body_bytes += size;
  tally_.body_bytes += size;
  if (machine.body_left == 0) OnBody(machine);
}

void Farm::OnBody(Machine& machine) {
  ++tally_.requests;
  tally_.request_times.Add(now_ - machine.asked_at);
  if (machine.reader != nullptr) machine.reader->CountOnly(false);
  const bool whole = machine.file != nullptr && machine.head.status() == 200;
  const Failure verdict = whole ? Library::Verdict(*machine.file) : Failure::kNone;
  if (verdict != Failure::kNone) return Fail(machine, verdict);
  switch (machine.mode) {
    case Mode::kBoot:
      return NextFile(machine);
    case Mode::kDownload:
      return NextRange(machine);
    case Mode::kRequests:
      return Ask(machine);
    case Mode::kSlowReader:
      return EndConnection(machine);
    case Mode::kHandshake:
    case Mode::kDhcp:
    case Mode::kSynFlood:
      return;
  }
}

void Farm::NextFile(Machine& machine) {
  machine.length_known = false;
  if (machine.file_index == options_.files.size()) return Finish(machine);
  *machine.url = machine.url->Beside(options_.files[machine.file_index++]);
  if (machine.personality->keeps_connection && !machine.head.closes()) return Ask(machine);
  EndConnection(machine);
}

void Farm::NextRange(Machine& machine) {
  machine.range_first = machine.body_offset < machine.length ? machine.body_offset : 0;
  Ask(machine);
}

// --- The end --------------------------------------------------------------------------------

void Farm::EndConnection(Machine& machine) {
  if (machine.personality->ends_with_reset) {
    Reset(machine);
    return AfterConnection(machine);
  }
  HostsOf(machine).host->Close(machine.connection);
  Enter(machine, Phase::kClosing, kFinPatience);
}

void Farm::AfterConnection(Machine& machine) {
  if (machine.ended_at != Time{}) {  // it had what it came for
    machine.phase = Phase::kDone;
    wheel_->Cancel(machine.index);
    return;
  }
  Connect(machine);
}

// The connection is gone, on whichever side.
void Farm::Forget(Machine& machine) {
  if (machine.reader != nullptr) tally_.records += machine.reader->records();
  machine.connection = {};
  machine.handshake.reset();
  machine.handshake_arrived = {};
  machine.reader.reset();
}

void Farm::Reset(Machine& machine) {
  if (machine.connection.valid()) HostsOf(machine).host->Abort(machine.connection);
  Forget(machine);
}

void Farm::Finish(Machine& machine) {
  ++tally_.booted;
  ++boots_over_;
  machine.ended_at = now_;
  EndConnection(machine);
}

void Farm::Fail(Machine& machine, Failure failure) {
  ++tally_.failures[static_cast<std::size_t>(failure)];
  ++tally_.failed;
  Reset(machine);
  if (machine.mode != Mode::kBoot) {  // the others try again, a second later
    machine.length_known = false;
    machine.offer.reset();
    if (machine.mode != Mode::kDhcp && machine.station_known) {
      return Enter(machine, Phase::kClosing, seconds(1));
    }
    return Enter(machine, Phase::kOff, seconds(1));
  }
  ++boots_over_;
  machine.failure = failure;
  machine.ended_at = now_;
  machine.phase = Phase::kFailed;
  wheel_->Cancel(machine.index);
}

// A full segment's room whenever the trickle has earned one.
void Farm::SlowDown(Machine& machine) {
  machine.slow_credit += options_.slow_bytes_per_second / 4;
  const std::uint16_t mss = HostsOf(machine).settings.mss;
  if (machine.slow_credit >= mss) {
    HostsOf(machine).host->SetReceiveRoom(machine.connection, mss);
    machine.slow_credit -= mss;
  }
  wheel_->Arm(machine.index, now_ + kSlowTick);
}

}  // namespace slipway::storm
