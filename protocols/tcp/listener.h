// SPDX-License-Identifier: Apache-2.0
//
// Listener: which ports are in LISTEN (RFC 9293 3.10.7.2), and whether a SYN gets a slot or a
// cookie. What happens to a segment that reaches it is host_listen.cc.
#pragma once

#include <bitset>
#include <cstdint>

#include "protocols/base/strong.h"
#include "protocols/tcp/syn_cookie.h"

namespace slipway::tcp {

class Listener {
 public:
  explicit Listener(Entropy& entropy) : cookies_(entropy) {}

  void Open(Port port) { ports_.set(port.value()); }
  bool IsOpen(Port port) const { return ports_.test(port.value()); }
  SynCookies& cookies() { return cookies_; }

 private:
  std::bitset<65536> ports_;
  SynCookies cookies_;
};

}  // namespace slipway::tcp
