// SPDX-License-Identifier: Apache-2.0
//
// The conformance build's services: echo (RFC 862, port 7), discard (RFC 863, port 9) and a source
// of zeros (port 19, where RFC 864 has its characters), so that outside TCP suites can drive the
// stack on a wire. Compiled in by -Dconformance_ports=true only.
#include "dataplane/extra_services.h"

#include <algorithm>
#include <cstddef>
#include <deque>

#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

constexpr Port kEchoPort{7};
constexpr Port kDiscardPort{9};
constexpr Port kZeroSourcePort{19};
constexpr std::uint32_t kRoom = 65535;

// What was received, kept until the peer has acknowledged its echo.
class EchoSource final : public ByteSource {
 public:
  std::uint64_t length() const override { return released_ + kept_.size(); }
  bool finished() const override { return finished_; }
  void Read(std::uint64_t offset, MutableBytes out) override {
    SLIPWAY_CHECK(offset >= released_ && offset + out.size() <= length());
    std::copy_n(kept_.begin() + static_cast<std::ptrdiff_t>(offset - released_), out.size(),
                out.begin());
  }
  void Release(std::uint64_t offset) override {
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(offset - released_));
    released_ = offset;
  }
  void Append(Bytes text) { kept_.insert(kept_.end(), text.begin(), text.end()); }
  void Finish() { finished_ = true; }
  std::size_t kept() const { return kept_.size(); }

 private:
  std::deque<std::uint8_t> kept_;
  std::uint64_t released_ = 0;
  bool finished_ = false;
};

class Echo final : public Application {
 public:
  ByteSource& output() override { return source_; }
  Reaction Receive(Bytes text, Time) override {
    source_.Append(text);
    return {};
  }
  Reaction Finish(Time) override {
    source_.Finish();
    return {.close = true};
  }
  std::uint32_t receive_room() const override {
    return source_.kept() >= kRoom ? 0 : static_cast<std::uint32_t>(kRoom - source_.kept());
  }

 private:
  EchoSource source_;
};

// Zeros without end, made as the sender has room for them; or none at all.
class Zeros final : public ByteSource {
 public:
  explicit Zeros(bool endless) : endless_(endless) {}
  std::uint64_t length() const override { return length_; }
  bool finished() const override { return finished_; }
  void Extend(std::uint64_t room) override {
    if (endless_ && !finished_) length_ += room;
  }
  void Read(std::uint64_t, MutableBytes out) override { std::ranges::fill(out, std::uint8_t{0}); }
  void Release(std::uint64_t) override {}
  void Finish() { finished_ = true; }

 private:
  bool endless_;
  std::uint64_t length_ = 0;
  bool finished_ = false;
};

class ZeroService final : public Application {
 public:
  explicit ZeroService(bool endless) : source_(endless) {}
  ByteSource& output() override { return source_; }
  Reaction Receive(Bytes, Time) override { return {}; }
  Reaction Finish(Time) override {
    source_.Finish();
    return {.close = true};
  }
  std::uint32_t receive_room() const override { return kRoom; }

 private:
  Zeros source_;
};

}  // namespace

std::span<const Port> ExtraPorts() {
  static constexpr Port kPorts[] = {kEchoPort, kDiscardPort, kZeroSourcePort};
  return kPorts;
}

std::unique_ptr<Application> NewExtraService(Port port) {
  if (port == kEchoPort) return std::make_unique<Echo>();
  return std::make_unique<ZeroService>(/*endless=*/port == kZeroSourcePort);
}

}  // namespace slipway::dataplane
