// SPDX-License-Identifier: Apache-2.0
#include "tests/support/station.h"

#include <openssl/err.h>

#include "protocols/base/check.h"

namespace slipway {
namespace {

MutableBytes StartFrame(const Ends& ends, EtherType type, std::size_t size, Buffer& frame) {
  const ethernet::Header header{
      .destination = ends.to, .source = ends.from, .type = type, .vlan = ends.vlan};
  frame.resize(std::max(header.size() + size, ethernet::kFrameSizeMin));
  return MutableBytes(frame).subspan(ethernet::EmitHeader(header, frame));
}

}  // namespace

Buffer ArpFrame(const Ends& ends, const arp::Packet& packet) {
  Buffer frame;
  arp::Emit(packet, StartFrame(ends, ethernet::kArp, arp::kPacketSize, frame));
  return frame;
}

Buffer IpFrame(const Ends& ends, const ipv4::Packet& packet) {
  Buffer frame;
  ipv4::Emit(packet, StartFrame(ends, ethernet::kIpv4, packet.size(), frame));
  return frame;
}

Buffer UdpFrame(const Ends& ends, const udp::Datagram& datagram) {
  Buffer payload(datagram.size());
  udp::Emit(datagram, {ends.source, ends.destination}, payload);
  return IpFrame(ends, {.source = ends.source,
                        .destination = ends.destination,
                        .protocol = ipv4::kUdp,
                        .options = {},
                        .payload = payload});
}

Buffer IcmpFrame(const Ends& ends, const icmp::Message& message) {
  Buffer payload(message.size());
  icmp::Emit(message, payload);
  return IpFrame(ends, {.source = ends.source,
                        .destination = ends.destination,
                        .protocol = ipv4::kIcmp,
                        .options = {},
                        .payload = payload});
}

Buffer TcpFrame(const Ends& ends, const tcp::Segment& segment) {
  Buffer payload(segment.header_size() + segment.text.size());
  const MutableBytes header = MutableBytes(payload).first(tcp::EmitHeader(segment, payload));
  Copy(segment.text, MutableBytes(payload).subspan(header.size()));
  tcp::FillChecksum(header,
                    {.source = ends.source, .destination = ends.destination, .text = segment.text});
  return IpFrame(ends, {.source = ends.source,
                        .destination = ends.destination,
                        .protocol = ipv4::kTcp,
                        .service = static_cast<std::uint8_t>(segment.ecn),
                        .dont_fragment = true,
                        .options = {},
                        .payload = payload});
}

Seen See(Bytes bytes) {
  const auto frame = ethernet::ParseFrame(bytes);
  SLIPWAY_CHECK(frame.ok());
  Seen seen{.link = frame->header};
  if (seen.link.type == ethernet::kArp) {
    const auto packet = arp::Parse(frame->payload);
    SLIPWAY_CHECK(packet.ok());
    seen.arp = *packet;
  }
  if (seen.link.type != ethernet::kIpv4) return seen;
  const auto ip = ipv4::Parse(frame->payload);
  SLIPWAY_CHECK(ip.ok());
  seen.ip = *ip;
  if (ip->protocol == ipv4::kUdp) {
    const auto datagram = udp::Parse(ip->payload, {ip->source, ip->destination});
    SLIPWAY_CHECK(datagram.ok());
    seen.udp = *datagram;
  } else if (ip->protocol == ipv4::kIcmp) {
    const auto message = icmp::Parse(ip->payload);
    SLIPWAY_CHECK(message.ok());
    seen.icmp = *message;
  } else if (ip->protocol == ipv4::kTcp) {
    const auto segment =
        tcp::Parse(ip->payload, ip->source, ip->destination, ChecksumState::kVerify);
    SLIPWAY_CHECK(segment.ok());
    seen.tcp = *segment;
    seen.tcp->ecn = EcnOf(ip->service);
  }
  return seen;
}

HttpClient::HttpClient(std::string_view request, std::size_t wanted, int tls_version,
                       void (*prepare)(SSL_CTX*))
    : request_(request), wanted_(wanted) {
  if (tls_version == 0) {
    output_.bytes.assign(request_.begin(), request_.end());
    return;
  }
  context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context_.get(), tls_version);
  SSL_CTX_set_max_proto_version(context_.get(), tls_version);
  if (prepare != nullptr) prepare(context_.get());
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
  SSL_set_connect_state(ssl_.get());
  Run({});
}

bool HttpClient::HasAll() const {
  const std::size_t header = AsText(text).find("\r\n\r\n");
  return header != std::string_view::npos && text.size() >= header + 4 + wanted_;
}

void HttpClient::Run(Bytes arrived) {
  SSL* ssl = ssl_.get();
  if (!arrived.empty())
    BIO_write(SSL_get_rbio(ssl), arrived.data(), static_cast<int>(arrived.size()));
  ERR_clear_error();
  std::size_t size = 0;
  if (!SSL_is_init_finished(ssl) && SSL_do_handshake(ssl) == 1) {
    SSL_write_ex(ssl, request_.data(), request_.size(), &size);
  }
  if (SSL_is_init_finished(ssl)) {
    Buffer room(20000);
    while (SSL_read_ex(ssl, room.data(), room.size(), &size) == 1) {
      text.insert(text.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size));
    }
    if (HasAll() && (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN) == 0) {
      SSL_shutdown(ssl);
    }
  }
  tls_failed = tls_failed || ERR_peek_error() != 0;
  BIO* out = SSL_get_wbio(ssl);
  Buffer fresh(BIO_ctrl_pending(out));
  if (!fresh.empty()) BIO_read(out, fresh.data(), static_cast<int>(fresh.size()));
  output_.bytes.insert(output_.bytes.end(), fresh.begin(), fresh.end());
}

dataplane::Reaction HttpClient::Receive(Bytes bytes, Time) {
  if (ssl_) {
    Run(bytes);
  } else {
    text.insert(text.end(), bytes.begin(), bytes.end());
  }
  // Inside TLS both sides say goodbye first: text after a full close would be answered by a reset.
  const bool goodbye = !ssl_ || (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  output_.ended = (HasAll() && goodbye) || tls_failed;
  return {.close = output_.ended};
}

dataplane::Reaction HttpClient::Finish(Time) {
  finished = output_.ended = true;
  return {.close = true};
}

void Station::Connect(Port local, Port remote, dataplane::Application& application, Time now) {
  opened = closed = reset = timed_out = false;
  application_ = &application;
  const auto id = host_.Connect({ends_.source, local, ends_.destination, remote}, now);
  SLIPWAY_CHECK(id.has_value());
  id_ = *id;
}

void Station::Accept(Port port, dataplane::Application& application) {
  application_ = &application;
  host_.Listen(port);
}

void Station::Follow(const dataplane::Reaction& reaction) {
  if (reaction.close) host_.Close(id_);
  host_.Wake(id_);
}

void Station::Receive(Bytes bytes, Time now) {
  const auto frame = ethernet::ParseFrame(bytes);
  if (!frame ||
      (frame->header.destination != ends_.from && !frame->header.destination.is_broadcast())) {
    ++damaged;
    return;
  }
  if (frame->header.type != ethernet::kIpv4) {
    others.emplace_back(bytes.begin(), bytes.end());
    return;
  }
  const auto ip = ipv4::Parse(frame->payload);
  if (ip && ip->protocol != ipv4::kTcp) others.emplace_back(bytes.begin(), bytes.end());
  auto segment = ip && ip->protocol == ipv4::kTcp && ip->destination == ends_.source
                     ? tcp::Parse(ip->payload, ip->source, ip->destination, ChecksumState::kVerify)
                     : Parsed<tcp::Segment>(Drop::kTcpTruncated);
  if (!segment) {
    ++damaged;
    return;
  }
  segment->ecn = EcnOf(ip->service);
  const tcp::Delivery delivery =
      host_.Receive(*segment, tcp::FourTuple::Of(*segment, ip->source, ip->destination), now);
  if (!delivery.connection.valid()) return;
  if (delivery.opened) {
    opened = true;
    id_ = delivery.connection;
    host_.Attach(id_, &application_->output());
    host_.SetReceiveRoom(id_, application_->receive_room());
  }
  if (delivery.connection != id_) return;
  if (!delivery.text.empty()) Follow(application_->Receive(delivery.text, now));
  for (Bytes run = host_.TakeText(id_); !run.empty(); run = host_.TakeText(id_)) {
    Follow(application_->Receive(run, now));
  }
  if (delivery.progressed) {
    application_->Progressed(host_.Info(id_).acknowledged, now);
    host_.Wake(id_);
  }
  if (delivery.finished) Follow(application_->Finish(now));
  closed = closed || delivery.closed;
  reset = reset || delivery.reset;
}

Buffer Station::FrameOf(const tcp::Outgoing& out) {
  tcp::Segment segment = out.segment;
  Buffer text(out.length);
  if (out.length > 0) application_->output().Read(out.offset, text);
  segment.text = text;
  return TcpFrame(ends_, segment);
}

std::optional<Buffer> Station::Emit(Time now) {
  if (const auto stray = host_.EmitStray(now)) return FrameOf(*stray);
  while (const auto id = host_.NextReady()) {
    if (const auto out = host_.Emit(*id, now)) {
      Buffer frame = FrameOf(*out);
      host_.Ready(*id);
      return frame;
    }
  }
  return std::nullopt;
}

void Station::Expire(Time now) {
  while (const auto expired = host_.Expire(now)) {
    // The service decides, as the worker's does: a peer that says nothing any more, but answers
    // keepalives, would keep a half-closed connection for ever.
    if (expired->what == tcp::Expiry::kIdle) host_.Close(expired->connection);
    if (expired->connection != id_ || !tcp::Closes(expired->what)) continue;
    closed = timed_out = true;
  }
}

}  // namespace slipway
