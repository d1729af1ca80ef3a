// SPDX-License-Identifier: Apache-2.0
//
// Station: a machine on a test's wire. It has a MAC, an address and our own TCP, and holds one
// conversation at a time; what else arrives for it is kept for the test to look at. The
// conversation is an Application, as in the worker: HttpClient below, or a test's own.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/application.h"
#include "protocols/base/entropy.h"
#include "protocols/tcp/host.h"
#include "protocols/wire/arp.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/icmp.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/udp.h"
#include "tests/support/endpoint.h"

namespace slipway {

// Who a frame goes from and to.
struct Ends {
  MacAddress from;
  MacAddress to;
  Ipv4Address source;
  Ipv4Address destination;
  std::optional<VlanId> vlan = {};
};
Buffer ArpFrame(const Ends& ends, const arp::Packet& packet);
Buffer IpFrame(const Ends& ends, const ipv4::Packet& packet);
Buffer UdpFrame(const Ends& ends, const udp::Datagram& datagram);
Buffer IcmpFrame(const Ends& ends, const icmp::Message& message);
// `segment.text` is sent; the checksum is right.
Buffer TcpFrame(const Ends& ends, const tcp::Segment& segment);

// False when text is outstanding and nothing would send it again.
inline bool TimerIsArmed(const tcp::Info& info) {
  return info.outstanding == 0 || info.next_timer != kNever;
}

// A frame as a receiver sees it; views into it. Fails a check where a checksum is wrong.
struct Seen {
  ethernet::Header link;
  std::optional<arp::Packet> arp;
  std::optional<ipv4::Packet> ip;
  std::optional<udp::Datagram> udp;
  std::optional<icmp::Message> icmp;
  std::optional<tcp::Segment> tcp;
};
Seen See(Bytes frame);

// Bytes added at the end, kept until the end.
class GrowingSource final : public ByteSource {
 public:
  std::uint64_t length() const override { return bytes.size(); }
  bool finished() const override { return ended; }
  void Read(std::uint64_t offset, MutableBytes out) override {
    Copy(Bytes(bytes).subspan(offset, out.size()), out);
  }
  void Release(std::uint64_t) override {}

  Buffer bytes;
  bool ended = false;
};

// A client that sends `request` as it is, plain or inside TLS (OpenSSL's client), keeps what comes
// back, and says goodbye once it has a response with a body of `wanted` bytes.
class HttpClient final : public dataplane::Application {
 public:
  // `prepare`, where it is not null, changes OpenSSL's settings before the ClientHello.
  HttpClient(std::string_view request, std::size_t wanted, int tls_version = 0,
             void (*prepare)(SSL_CTX*) = nullptr);

  ByteSource& output() override { return output_; }
  dataplane::Reaction Receive(Bytes text, Time now) override;
  dataplane::Reaction Finish(Time now) override;
  std::uint32_t receive_room() const override { return 65535; }

  Buffer text;            // what the server said
  bool finished = false;  // it has said that no more comes
  bool tls_failed = false;

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  void Run(Bytes arrived);
  bool HasAll() const;

  std::string request_;
  std::size_t wanted_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  GrowingSource output_;
};

class Station final : public Endpoint {
 public:
  Station(const Ends& ends, const tcp::Settings& settings, std::uint64_t seed)
      : ends_(ends), settings_(settings), entropy_(seed), host_(settings_, entropy_) {}

  // One conversation, with a peer that is called or calls.
  void Connect(Port local, Port remote, dataplane::Application& application, Time now);
  void Accept(Port port, dataplane::Application& application);

  void Receive(Bytes frame, Time now) override;
  std::optional<Buffer> Emit(Time now) override;
  Time Deadline() const override { return host_.Deadline(); }
  void Expire(Time now) override;

  const Ends& ends() const { return ends_; }
  tcp::Host& host() { return host_; }
  tcp::ConnectionId connection() const { return id_; }

  std::vector<Buffer> others;  // frames that are no TCP
  bool opened = false, closed = false, reset = false, timed_out = false;
  std::uint64_t damaged = 0;  // frames that were not what they claimed

 private:
  void Follow(const dataplane::Reaction& reaction);
  Buffer FrameOf(const tcp::Outgoing& out);

  Ends ends_;
  tcp::Settings settings_;
  SeededEntropy entropy_;
  tcp::Host host_;
  tcp::ConnectionId id_;
  dataplane::Application* application_ = nullptr;
};

}  // namespace slipway
