// SPDX-License-Identifier: Apache-2.0
//
// tls::Session: the TLS server side of one connection, as a worker drives it.
//
//     received = session.Receive(bytes from TCP)     plaintext and what happened
//     while (session.handshake_pending()) ...        queue the session; when its turn comes:
//     received = session.Step()                      one expensive step
//     TCP sends from session.output()                records over the plaintext source
//
// A handshake step costs up to a millisecond (RSA, DH), so it never runs inside Receive: while
// the handshake lasts, Receive only queues, and the worker decides when to Step (a budget per
// poll round). Once open, Receive decrypts at once and handshake_pending() stays false.
//
// RFC 5246, 8446; what is refused stands in engine.h. A failed or closed session keeps its output
// (an alert, close_notify) until TCP has sent it; output().finished() says that nothing follows.
#pragma once

#include <vector>

#include "tls/sealed_source.h"

namespace slipway::tls {

struct Received {
  // Valid until the next Receive or Step of any session of the same worker.
  Bytes plaintext;
  SessionState state = SessionState::kHandshaking;
  // What to count: kNone for ordinary progress. A refused renegotiation is counted while the
  // session stays open; every other drop comes once, with kFailed.
  Drop drop = Drop::kNone;
  // True when plaintext is left inside because the worker's room was full: call Receive({}) again.
  bool more = false;
};

class Session {
 public:
  // `plaintext` (what is to be sent) and `sealer` (the worker's) outlive the session.
  Session(std::shared_ptr<const Context> context, ByteSource& plaintext, Sealer& sealer,
          const Sizing& sizing = {});

  Received Receive(Bytes ciphertext);
  // A whole record waits for Step().
  bool handshake_pending() const;
  // Only the peer's Finished is missing, and its first request may come with it: TLS 1.3, and 1.2
  // resumed. Not known (false) where libssl hands no keys over: engine.h.
  bool request_may_follow() const { return engine_.awaits_finished(); }
  Received Step();

  // No more plaintext than exists now is sent; then close_notify. Before the handshake is finished
  // there is nothing to say and the output just ends.
  void Close();
  // TLS 1.3: the next record we send is under new keys (RFC 8446 4.6.3). Otherwise nothing.
  void UpdateKeys() { engine_.UpdateKeys(); }

  ByteSource& output() { return output_; }
  SessionState state() const { return engine_.state(); }
  bool is_open() const { return state() == SessionState::kOpen; }
  const SessionInfo& info() const { return engine_.info(); }
  // The client's offer, once it was told, need not be kept.
  ClientOffer TakeOffer() { return engine_.TakeOffer(); }
  std::size_t heap_bytes() const { return queue_.capacity() + output_.heap_bytes(); }

 private:
  Received Process(Bytes arrived);

  alignas(64) SealedSource output_;  // what each turn looks at, on whole lines
  Engine engine_;
  Sealer& sealer_;
  std::vector<std::uint8_t> queue_;  // arrived, not yet taken by the engine
  bool opened_ = false;
  std::uint32_t renegotiations_counted_ = 0;
  Drop counted_ = Drop::kNone;
};

}  // namespace slipway::tls
