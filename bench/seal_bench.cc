// SPDX-License-Identifier: Apache-2.0
//
// What sealing costs: 16 KiB records read in pieces of 1,448 bytes, the way segments leave, and
// one lost piece made again; ipsec-mb beside OpenSSL's EVP. Also the memory of an open session.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <vector>

#include "tests/fuzz/tls_fixture.h"

namespace slipway::tls {
namespace {

class ImageText final : public ByteSource {
 public:
  std::uint64_t length() const override { return std::uint64_t{1} << 50; }
  bool finished() const override { return false; }
  void Read(std::uint64_t, MutableBytes out) override { std::ranges::fill(out, 0); }
  Bytes Borrow(std::uint64_t offset, std::uint64_t limit) override {
    const std::size_t at = static_cast<std::size_t>(offset % image_.size());
    return Bytes(image_).subspan(
        at, static_cast<std::size_t>(std::min<std::uint64_t>(limit, image_.size() - at)));
  }
  void Release(std::uint64_t) override {}

 private:
  std::vector<std::uint8_t> image_ = std::vector<std::uint8_t>(1 << 18, 0x5a);
};

struct NoWriter final : TextWriter {
  void WriteText(Bytes) override {}
  void WriteCloseNotify() override {}
};

void SealSegments(benchmark::State& state, Sealer::Kind kind, std::uint8_t key_size) {
  const auto sealer = Sealer::Create(kind);
  ImageText text;
  NoWriter writer;
  SealedSource source(text, *sealer, {});
  RecordKeys keys;
  keys.key_size = key_size;
  SLIPWAY_CHECK(source.InstallKeys(keys));
  source.Open(writer, RecordsSealedBy::kSlipway, 0);
  std::array<std::uint8_t, 1448> segment{};
  const bool again = state.range(0) != 0;
  std::uint64_t at = 0;
  while (state.KeepRunning()) {
    if (source.length() < at + segment.size()) source.Extend(std::uint64_t{10} * 16413);
    source.Read(at, segment);
    benchmark::DoNotOptimize(segment.data());
    if (again && at > 60000) continue;  // the same piece, lost and lost again
    at += segment.size();
    if (at > 65536) source.Release(at - 65536);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(segment.size()));
  state.SetLabel(sealer->description());
}

void IpsecMb128(benchmark::State& state) { SealSegments(state, Sealer::Kind::kIpsecMb, 16); }
void IpsecMb256(benchmark::State& state) { SealSegments(state, Sealer::Kind::kIpsecMb, 32); }
void Evp128(benchmark::State& state) { SealSegments(state, Sealer::Kind::kEvp, 16); }
BENCHMARK(IpsecMb128)->ArgName("again")->Arg(0)->Arg(1);
BENCHMARK(IpsecMb256)->ArgName("again")->Arg(0)->Arg(1);
BENCHMARK(Evp128)->ArgName("again")->Arg(0)->Arg(1);

void SessionMemory(benchmark::State& state) {
  FuzzFixture& fixture = FuzzFixture::Get();
  const bool tls13 = state.range(0) == 13;
  static_cast<void>(fixture.Established(tls13));
  constexpr std::size_t kSessions = 100;
  while (state.KeepRunning()) {
    const auto held = [&] { return mallinfo2().uordblks + fixture.sealer->bytes_taken(); };
    const std::size_t before = held();
    std::vector<std::unique_ptr<Session>> sessions;
    for (std::size_t i = 0; i < kSessions; ++i) {
      sessions.push_back(fixture.Established(tls13));
      ByteSource& output = sessions.back()->output();
      output.Release(output.length());
    }
    state.counters["bytes"] = static_cast<double>(held() - before) / double{kSessions};
  }
  state.counters["sizeof"] = sizeof(Session);
}
BENCHMARK(SessionMemory)->ArgName("tls")->Arg(12)->Arg(13)->Iterations(1);

}  // namespace
}  // namespace slipway::tls

BENCHMARK_MAIN();
