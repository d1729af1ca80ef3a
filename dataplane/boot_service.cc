// SPDX-License-Identifier: Apache-2.0
#include "dataplane/boot_service.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "dataplane/extra_services.h"
#include "protocols/base/check.h"
#include "protocols/base/fingerprint.h"
#include "tls/fingerprint.h"

namespace slipway::dataplane {
namespace {

// Between two reports of a download's progress.
constexpr Duration kProgressEvery = std::chrono::milliseconds(250);
// Plaintext that may wait for room in the response stream. TCP's window, which follows
// receive_room(), lets in less; a peer that gets beyond ignores it.
constexpr std::size_t kWaitingMax = std::size_t{64} * 1024;
// Requests that have not arrived whole, of all connections of a worker: 4 MiB.
constexpr std::size_t kHalfRequestsMax = 512;

// The newest of what was offered. Values that only test our tolerance (RFC 8701) are none.
std::uint16_t Newest(std::span<const std::uint16_t> versions) {
  std::uint16_t newest = 0;
  for (const std::uint16_t version : versions) {
    if ((version & 0x0f0f) != 0x0a0a) newest = std::max(newest, version);
  }
  return newest;
}

// "sni=boot.test hello=0123456789abcdef suites=009f,009e,...", whole numbers only. Of every
// handshake: straight into the event, without a string in between.
void WriteOffer(const tls::ClientOffer& offer, Event& event) {
  constexpr std::size_t kNameMax = 64;
  constexpr std::size_t kSuiteSize = 5;  // four digits and what parts them
  constexpr std::string_view kDigits = "0123456789abcdef";
  char* to = event.text_bytes.data();
  const char* const end = to + Event::kTextMax;
  const auto put = [&to](std::string_view words) { to += words.copy(to, words.size()); };
  if (!offer.server_name.empty()) {
    put("sni=");
    put(std::string_view(offer.server_name).substr(0, kNameMax));
    put(" ");
  }
  put("hello=");
  put(FingerprintText(tls::FingerprintOf(offer)).view());
  put(" suites=");
  for (const std::uint16_t suite : offer.suites) {
    if (static_cast<std::size_t>(end - to) < kSuiteSize) break;
    for (int shift = 12; shift >= 0; shift -= 4) *to++ = kDigits[(suite >> shift) & 0xf];
    *to++ = ',';
  }
  event.text_size = static_cast<std::uint8_t>(to - event.text_bytes.data() - 1);  // no last comma
}

}  // namespace

void* BootService::operator new(std::size_t size, Slab& services) {
  SLIPWAY_CHECK(size <= services.block_bytes());
  return services.Take();
}

void BootService::operator delete(void* block, Slab& services) {
  static_cast<void>(services), Slab::Give(block);
}

BootService::BootService(const Opening& opening, BootServiceShared& shared, Time now)
    : snapshot_(opening.snapshot),
      shared_(shared),
      opening_(opening),
      http_(shared.http, opening.snapshot.images, shared.requests, now) {
  output_ = &http_.responses();
  if (opening.local_port != kHttpsPort) return;
  tls_.emplace(opening.snapshot.tls, http_.responses(), *shared.sealer);
  output_ = &tls_->output();
  secured_ = true;
}

Reaction BootService::Receive(Bytes text, Time now) {
  heard_ = true;
  if (!tls_) return TakePlain(text, now);
  const Reaction reaction = TakeSecured(tls_->Receive(text), now);
  if (waits_since_ == kNever && work_pending()) waits_since_ = now;
  return reaction;
}

bool BootService::work_pending() const {
  return tls_ && !http_.closing() && tls_->handshake_pending();
}

WorkStage BootService::work_stage() const {
  if (!handshake_begun_) return WorkStage::kNotBegun;
  return tls_->request_may_follow() ? WorkStage::kRequestFollows : WorkStage::kBegun;
}

Reaction BootService::Work(Time now) {
  if (!work_pending()) return {};  // it failed, or ended, while it waited for its turn
  if (!handshake_) {
    handshake_.emplace(shared_.handshakes, now);
  } else if (waits_since_ != kNever) {
    handshake_->Extend(now - waits_since_);
  }
  handshake_begun_ = true;
  const tls::Received received = tls_->Step();
  waits_since_ = tls_->handshake_pending() ? now : kNever;
  if (!offer_told_) TellOffer(now);
  return TakeSecured(received, now);
}

bool BootService::rests() const {
  return (!tls_ || handshake_told_) && http_.InFlight() == nullptr && waiting_.empty();
}

Reaction BootService::TakeSecured(tls::Received received, Time now) {
  Reaction reaction;
  while (true) {
    if (!handshake_told_) TellHandshake(now);
    if (received.drop != Drop::kNone) reaction.drop = received.drop;
    if (!received.plaintext.empty()) {
      const Reaction plain = TakePlain(received.plaintext, now);
      if (plain.drop != Drop::kNone) reaction.drop = plain.drop;
      reaction.close = reaction.close || plain.close;
      reaction.abort = reaction.abort || plain.abort;
    }
    if (!received.more || reaction.abort) break;
    received = tls_->Receive({});
  }
  if (received.state == tls::SessionState::kFailed) {
    reaction.close = true;  // after the alert, which is in the stream
  }
  peer_finished_ = peer_finished_ || received.state == tls::SessionState::kClosedByPeer;
  if (peer_finished_ && EndAfterRequests(now)) reaction.close = true;
  return reaction;
}

Reaction BootService::TakePlain(Bytes text, Time now) {
  Reaction reaction;
  if (!waiting_.empty() || text.size() > http_.Room()) {
    if (waiting_.size() + text.size() > kWaitingMax) {
      return {.drop = Drop::kHttpMalformed, .abort = true};
    }
    waiting_.insert(waiting_.end(), text.begin(), text.end());
    text = waiting_;
  }
  http::Received received;
  while (!received.close) {
    const http::Received step = http_.Receive(text, now);
    text = text.subspan(step.consumed);
    received.close = step.close;
    if (step.consumed == 0 || text.empty()) break;
  }
  if (received.close) text = {};
  if (!waiting_.empty()) {
    waiting_.erase(waiting_.begin(), waiting_.end() - static_cast<std::ptrdiff_t>(text.size()));
  } else if (!text.empty()) {
    waiting_.assign(text.begin(), text.end());
  }
  TellRequests(now);
  if (received.close) {
    EndStream();
    reaction.close = true;
  }
  return reaction;
}

// The peer sends no more: what it sent is answered, and then the stream ends, for FIN and
// close_notify end one direction only (RFC 9112 9.6, RFC 8446 6.1). True once it has ended; while
// requests wait for room it has not, and Progressed() sees to it.
bool BootService::EndAfterRequests(Time now) {
  if (!waiting_.empty() || (handshake_begun_ && work_pending())) return false;
  http_.PeerFinished(now);
  TellRequests(now);
  if (!http_.closing()) return false;
  EndStream();
  return true;
}

// Nothing follows what the responses hold: http_ is closing.
void BootService::EndStream() {
  if (!tls_) return;
  tls_->Close();
  handshake_.reset();
}

Reaction BootService::Finish(Time now) {
  peer_finished_ = true;
  return {.close = EndAfterRequests(now)};
}

std::uint32_t BootService::receive_room() const {
  constexpr std::size_t kTlsRoom =
      std::size_t{17} * 1024;  // a whole record, or a client's largest flight
  if (!waiting_.empty()) return 0;
  return static_cast<std::uint32_t>(secured_ ? kTlsRoom : http_.Room());
}

void BootService::Progressed(std::uint64_t acknowledged, Time now) {
  static_cast<void>(acknowledged);
  TellCompleted(now);
  if (!waiting_.empty() || http_.blocked()) {
    static_cast<void>(TakePlain({}, now));
    if (peer_finished_) static_cast<void>(EndAfterRequests(now));
  }
  if (now < next_progress_) return;
  const http::RequestRecord* record = http_.InFlight();
  if (record == nullptr || record->body_bytes == 0) return;
  next_progress_ = now + kProgressEvery;
  Tell(EventKind::kHttpProgress, *record, now);
}

// Firmware that does not trust the certificate sends no alert: it resets, in the middle of the
// handshake, and that is all an administrator will ever see of it.
void BootService::Ended(bool in_silence, Time now) {
  TellCompleted(now);
  if (!tls_ || handshake_told_) return;
  if (offer_told_) {
    TellUnfinished(in_silence ? kEndedInSilence : kEndedAfterCertificate, now);
  } else {
    TellUnfinished(heard_ ? kEndedWaiting : kEndedBeforeHello, now);
  }
}

Time BootService::Deadline() const {
  return handshake_ ? std::min(http_.Deadline(), handshake_->until()) : http_.Deadline();
}

Reaction BootService::Expire(Time now) {
  // What waits for us is not late, within bounds.
  if (handshake_ && now >= (work_pending() ? handshake_->latest() : handshake_->until())) {
    return GiveUpHandshake(now);
  }
  const http::Expired expired = http_.Expire(now);
  TellRequests(now);
  if (expired.close) EndStream();
  return {.drop = expired.drop, .close = expired.close, .abort = expired.abort};
}

void BootService::TellOffer(Time now) {
  const tls::ClientOffer offer = tls_->TakeOffer();
  if (offer.suites.empty()) return;
  offer_told_ = true;
  Event event = NewEvent(EventKind::kTlsOffered);
  event.number = Newest(offer.versions);
  event.extra = static_cast<std::int64_t>(offer.suites.size());
  WriteOffer(offer, event);
  shared_.reporter.Tell(event, now);
}

void BootService::TellHandshake(Time now) {
  const tls::SessionInfo& info = tls_->info();
  const bool failed = tls_->state() == tls::SessionState::kFailed;
  if (tls_->state() == tls::SessionState::kHandshaking) return;
  handshake_told_ = true;
  handshake_.reset();
  Event event = NewEvent(failed ? EventKind::kTlsFailed : EventKind::kTlsDone);
  if (failed) {
    event.number = info.alert_sent ? *info.alert_sent : -1;
    event.extra = info.alert_received ? *info.alert_received : -1;
    event.set_text(info.failure);
  } else {
    ++shared_.reporter.statistics.handshakes;
    event.number = static_cast<std::int64_t>(info.version);
    event.extra = info.resumed ? 1 : 0;
    event.set_text(info.suite_name);
    event.add_text(" ");
    event.add_text(info.group);
  }
  shared_.reporter.Tell(event, now);
}

void BootService::TellUnfinished(std::string_view how, Time now) {
  const tls::SessionInfo& info = tls_->info();
  Event event = NewEvent(EventKind::kTlsFailed);
  event.number = info.alert_sent ? *info.alert_sent : -1;
  event.extra = info.alert_received ? *info.alert_received : -1;
  event.set_text(how);
  shared_.reporter.Tell(event, now);
}

Reaction BootService::GiveUpHandshake(Time now) {
  TellUnfinished(kEndedInSilence, now);
  handshake_told_ = true;
  handshake_.reset();
  return {.drop = Drop::kTlsHandshakeTimeout, .abort = true};
}

void BootService::TellRequests(Time now) {
  while (const http::RequestRecord* started = http_.TakeStarted()) {
    Tell(EventKind::kHttpRequest, *started, now);
    shared_.reporter.Count(Step::kDeliver, started->drop);
    if (started->resource != nullptr && !started->resource->loaded) {
      Event event = NewEvent(EventKind::kImageWanted);
      event.set_text(started->path());
      shared_.reporter.Tell(event, now);
    }
  }
}

// The page of an error is no file, however whole it arrived.
void BootService::TellCompleted(Time now) {
  while (const http::RequestRecord* done = http_.TakeCompleted()) {
    if (Code(done->status) < 300) Tell(EventKind::kHttpComplete, *done, now);
  }
}

void BootService::Tell(EventKind kind, const http::RequestRecord& record, Time now) {
  Event event = NewEvent(kind);
  const std::uint64_t released = http_.responses().released();
  event.number = static_cast<std::int64_t>(record.body_bytes);
  if (kind == EventKind::kHttpRequest) {
    event.number = static_cast<std::int64_t>(Code(record.status));
    // What HEAD asks for, though it gets none of it.
    const bool asks_size = record.method == http::Method::kHead && record.resource != nullptr;
    event.extra =
        static_cast<std::int64_t>(asks_size ? record.resource->content.size() : record.body_bytes);
  } else if (kind == EventKind::kHttpProgress) {
    event.number = static_cast<std::int64_t>(released > record.begin ? released - record.begin : 0);
    event.extra = static_cast<std::int64_t>(record.end - record.begin);
  }
  event.set_text(http::Name(record.method));
  event.add_text(" ");
  event.add_text(record.path());
  shared_.reporter.Tell(event, now);
}

Event BootService::NewEvent(EventKind kind) const {
  Event event;
  event.kind = kind;
  event.connection = opening_.number;
  event.mac = opening_.peer;
  event.address = opening_.address;
  event.port = opening_.peer_port;
  return event;
}

BootServiceFactory::BootServiceFactory(const Setup& setup)
    : sealer_(tls::Sealer::Create(tls::Sealer::Kind::kFastest, setup.pages)),
      requests_(kHalfRequestsMax, http::kHeaderMax),
      services_(sizeof(BootService), *setup.pages),
      shared_{.reporter = setup.reporter,
              .sealer = sealer_.get(),
              .http = {.wall = &setup.wall},
              .requests = requests_,
              .handshakes_max = setup.handshakes_max} {
  SLIPWAY_CHECK(sealer_ != nullptr);
}

void BootServiceFactory::Listen(tcp::Host& host) const {
  host.Listen(kHttpPort);
  host.Listen(kHttpsPort);
  for (const Port port : ExtraPorts()) host.Listen(port);
}

std::unique_ptr<Application> BootServiceFactory::Create(const Opening& opening, Time now) {
  if (std::ranges::find(ExtraPorts(), opening.local_port) != ExtraPorts().end()) {
    return NewExtraService(opening.local_port);
  }
  const bool open = opening.local_port == kHttpsPort ? opening.snapshot.tls != nullptr
                                                     : opening.snapshot.plain_http;
  if (!open) return nullptr;
  return std::unique_ptr<Application>(new (services_) BootService(opening, shared_, now));
}

}  // namespace slipway::dataplane
