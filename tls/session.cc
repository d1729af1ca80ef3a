// SPDX-License-Identifier: Apache-2.0
//
// The queue before the engine, and the moments when the output opens and ends.
#include "tls/session.h"

namespace slipway::tls {
namespace {

// The longest flight a client sends before we answer: a ClientHello of one full record and more.
constexpr std::size_t kQueueMax = std::size_t{64} * 1024;

// The size of the record at the front, 0 while it is not whole; everything where libssl will refuse
// it anyway (another protocol, a length no record has), so that it does so at once.
std::size_t FirstRecord(Bytes queue) {
  if (queue.size() < kRecordHeaderSize) return 0;
  Reader header(queue.first(kRecordHeaderSize));
  const std::uint8_t type = header.U8();
  header.Skip(2);
  const std::size_t record = kRecordHeaderSize + header.U16();
  if (type < static_cast<std::uint8_t>(ContentType::kChangeCipherSpec) ||
      type > static_cast<std::uint8_t>(ContentType::kApplicationData) || record > kRecordSizeMax) {
    return queue.size();
  }
  return record <= queue.size() ? record : 0;
}

std::size_t WholeRecords(Bytes queue) {
  std::size_t size = 0;
  while (const std::size_t record = FirstRecord(queue.subspan(size))) size += record;
  return size;
}

}  // namespace

Session::Session(std::shared_ptr<const Context> context, ByteSource& plaintext, Sealer& sealer,
                 const Sizing& sizing)
    : output_(plaintext, sealer, sizing), engine_(std::move(context), output_), sealer_(sealer) {}

bool Session::handshake_pending() const {
  // Asked for every segment: what stands behind the first record, thousands perhaps, is not looked
  // at.
  return state() == SessionState::kHandshaking && FirstRecord(queue_) != 0;
}

Received Session::Receive(Bytes ciphertext) {
  if (state() == SessionState::kHandshaking || !queue_.empty()) {
    if (queue_.size() + ciphertext.size() > kQueueMax) {
      engine_.Fail(Drop::kTlsInputLimit);
      return Process({});
    }
    queue_.insert(queue_.end(), ciphertext.begin(), ciphertext.end());
    if (state() == SessionState::kHandshaking) return {.state = state()};
    return Step();
  }
  return Process(ciphertext);
}

// While the handshake lasts libssl gets whole records only, so a step is never half done.
Received Session::Step() {
  std::vector<std::uint8_t> arrived;
  arrived.swap(queue_);
  if (state() == SessionState::kHandshaking) {
    const auto whole = static_cast<std::ptrdiff_t>(WholeRecords(arrived));
    queue_.assign(arrived.begin() + whole, arrived.end());
    arrived.resize(static_cast<std::size_t>(whole));
  }
  return Process(arrived);
}

Received Session::Process(Bytes arrived) {
  const MutableBytes room = sealer_.arrivals();
  const Engine::Progress progress = engine_.Feed(arrived, room);
  const Bytes rest = arrived.subspan(progress.consumed);
  queue_.insert(queue_.begin(), rest.begin(), rest.end());
  if (!opened_ && (state() == SessionState::kOpen || state() == SessionState::kClosedByPeer)) {
    opened_ = true;
    output_.Open(engine_, info().sealed_by, info().max_fragment_length);
  }
  if (is_open() && output_.control_overflows()) engine_.Fail(Drop::kTlsControlLimit);
  Received received{.plaintext = room.first(progress.text), .state = state()};
  received.more = progress.text == room.size();
  if (state() == SessionState::kFailed) {
    output_.Abort();
    if (counted_ == Drop::kNone) received.drop = counted_ = engine_.drop();
  } else if (info().renegotiations_refused != renegotiations_counted_) {
    renegotiations_counted_ = info().renegotiations_refused;
    received.drop = Drop::kTlsRenegotiation;
  }
  return received;
}

void Session::Close() {
  if (state() == SessionState::kHandshaking || state() == SessionState::kFailed) {
    output_.Abort();
  } else {
    output_.Close();
  }
}

}  // namespace slipway::tls
