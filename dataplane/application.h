// SPDX-License-Identifier: Apache-2.0
//
// Application: what a TCP connection carries, as the worker drives it. The product has one, the
// boot service (HTTP, with or without TLS); the conformance build adds echo, discard and chargen.
//
// The same four verbs as everywhere, with text in place of messages; what leaves is pulled by TCP
// from output(). After any verb the worker looks at the Reaction: an application never calls out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocols/base/bytes.h"
#include "protocols/base/drop.h"
#include "protocols/base/time.h"
#include "protocols/source/byte_source.h"

namespace slipway::dataplane {

// How far costly work has come for which a peer waits, by which it is done: the most urgent first.
enum class WorkStage : std::uint8_t {
  kRequestFollows,  // the last step: the peer's request may stand behind it already
  kBegun,
  kNotBegun,  // the peer can be kept waiting
};
inline constexpr std::size_t kWorkStages = 3;

struct Reaction {
  Drop drop = Drop::kNone;
  bool close = false;  // no more text is wanted; output() is or becomes final
  bool abort = false;  // reset the connection
};

class Application {
 public:
  virtual ~Application() = default;

  // The stream to the peer. Lives as long as the application.
  virtual ByteSource& output() = 0;
  // The next text in order; all of it is taken.
  virtual Reaction Receive(Bytes text, Time now) = 0;
  // The peer will send no more.
  virtual Reaction Finish(Time now) = 0;
  // How many bytes of text it would take from now on.
  virtual std::uint32_t receive_room() const = 0;

  // Costly work (a handshake's signature) that waits for its turn in the worker's budget.
  virtual bool work_pending() const { return false; }
  virtual WorkStage work_stage() const { return WorkStage::kBegun; }
  virtual Reaction Work(Time now) {
    static_cast<void>(now);
    return {};
  }

  // The peer acknowledged something: time to tell of progress.
  virtual void Progressed(std::uint64_t acknowledged, Time now) {
    static_cast<void>(acknowledged), static_cast<void>(now);
  }

  // The connection is over, by the peer's reset or otherwise; nothing is asked of it any more.
  virtual void Ended(bool in_silence, Time now) {
    static_cast<void>(in_silence);
    static_cast<void>(now);
  }

  // Nothing is asked for or being answered.
  virtual bool rests() const { return false; }

  virtual Time Deadline() const { return kNever; }
  virtual Reaction Expire(Time now) {
    static_cast<void>(now);
    return {};
  }
};

}  // namespace slipway::dataplane
