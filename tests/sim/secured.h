// SPDX-License-Identifier: Apache-2.0
//
// Secured: one response over TLS: header and body exist from the beginning, close_notify follows.
#pragma once

#include <algorithm>
#include <string_view>

#include "tests/sim/runs.h"
#include "tls/session.h"

namespace slipway::sim {

class Secured final : public dataplane::Application {
 public:
  Secured(std::uint64_t size, tls::Sealer& sealer, std::uint64_t rekeys)
      : rekeys_(rekeys), session_(dataplane::TestContext(), plaintext_, sealer) {
    constexpr std::string_view kHeader = "HTTP/1.1 200 OK\r\n\r\n";
    plaintext_.bytes.assign(kHeader.begin(), kHeader.end());
    for (std::uint64_t i = 0; i < size; ++i) plaintext_.bytes.push_back(Pattern::At(i));
  }

  ByteSource& output() override { return session_.output(); }
  dataplane::Reaction Receive(Bytes text, Time) override {
    for (bool more = session_.Receive(text).more; more;) more = session_.Receive({}).more;
    while (session_.handshake_pending()) session_.Step();
    if (session_.is_open() && !closing_) {
      closing_ = true;
      session_.Close();
    }
    return {};
  }
  void Progressed(std::uint64_t, Time) override {
    if (rekeys_ > 0 && session_.is_open()) session_.UpdateKeys(), --rekeys_;
  }
  dataplane::Reaction Finish(Time) override { return {.close = true}; }
  std::uint32_t receive_room() const override { return 65535; }
  Bytes body() const { return Bytes(plaintext_.bytes); }

  // A planted fault: plaintext that is read again is another.
  void BecomeFickle() { plaintext_.fickle = true; }

 private:
  struct Plaintext final : ByteSource {
    std::uint64_t length() const override { return bytes.size(); }
    bool finished() const override { return true; }
    void Read(std::uint64_t offset, MutableBytes out) override {
      Copy(Bytes(bytes).subspan(offset, out.size()), out);
      if (fickle && offset < read_to && !out.empty()) out[0] ^= 1;
      read_to = std::max(read_to, offset + out.size());
    }
    void Release(std::uint64_t) override {}

    Buffer bytes;
    bool fickle = false;
    std::uint64_t read_to = 0;
  };

  Plaintext plaintext_;
  std::uint64_t rekeys_;
  bool closing_ = false;
  tls::Session session_;
};

}  // namespace slipway::sim
