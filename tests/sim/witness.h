// SPDX-License-Identifier: Apache-2.0
//
// Witness: a Sealer that writes down every byte it is asked to seal: (key, nonce, offset) ->
// plaintext, and the additional data, in whatever parts and however often they are asked for. A
// nonce that meets a second plaintext is counted. The sealing itself is the real one's.
//
// This is the rule that all of AES-GCM's secrecy hangs on, watched where it could break: each
// retransmission seals or re-seals what was sent before.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "protocols/base/check.h"
#include "tests/support/endpoint.h"
#include "tls/sealer.h"

namespace slipway::sim {

class Witness final : public tls::Sealer {
 public:
  Witness() : real_(tls::Sealer::Create()) { SLIPWAY_CHECK(real_ != nullptr); }

  Kind kind() const override { return real_->kind(); }
  const char* description() const override { return real_->description(); }
  std::unique_ptr<tls::RecordCipher> NewCipher(Bytes key) override {
    return std::make_unique<Cipher>(*this, real_->NewCipher(key), Buffer(key.begin(), key.end()));
  }

  std::uint64_t nonces() const { return sealed_.size(); }
  std::uint64_t resealed() const { return resealed_; }  // bytes that were sealed more than once
  std::uint64_t violations() const { return violations_; }

 private:
  struct Record {
    Buffer associated_data;
    std::vector<int> text;  // -1: not seen yet
  };

  class Cipher final : public tls::RecordCipher {
   public:
    Cipher(Witness& witness, std::unique_ptr<tls::RecordCipher> real, Buffer key)
        : witness_(witness), real_(std::move(real)), key_(std::move(key)) {}

    void Begin(Slot slot, const tls::Nonce& nonce, Bytes associated_data) override {
      State& state = states_[static_cast<std::size_t>(slot)];
      state = {.nonce = nonce, .at = 0};
      Record& record = witness_.sealed_[{key_, nonce}];
      const Buffer data(associated_data.begin(), associated_data.end());
      if (record.associated_data.empty()) record.associated_data = data;
      witness_.violations_ += record.associated_data != data ? 1U : 0U;
      real_->Begin(slot, nonce, associated_data);
    }
    void Update(Slot slot, Bytes in, MutableBytes out) override {
      State& state = states_[static_cast<std::size_t>(slot)];
      witness_.See(witness_.sealed_[{key_, state.nonce}], state.at, in);
      state.at += in.size();
      real_->Update(slot, in, out);
    }
    tls::Tag Finish(Slot slot) override {
      const State& state = states_[static_cast<std::size_t>(slot)];
      // A tag over a shorter or longer record would be a second use of the nonce as well.
      witness_.violations_ +=
          witness_.sealed_[{key_, state.nonce}].text.size() != state.at ? 1U : 0U;
      return real_->Finish(slot);
    }
    void Reseal(const tls::Nonce& nonce, std::uint64_t offset, Bytes in,
                MutableBytes out) override {
      witness_.See(witness_.sealed_[{key_, nonce}], offset, in);
      real_->Reseal(nonce, offset, in, out);
    }

   private:
    struct State {
      tls::Nonce nonce{};
      std::uint64_t at = 0;
    };
    Witness& witness_;
    std::unique_ptr<tls::RecordCipher> real_;
    Buffer key_;
    std::array<State, 2> states_{};
  };

  void See(Record& record, std::uint64_t offset, Bytes in) {
    const auto begin = static_cast<std::size_t>(offset);
    if (record.text.size() < begin + in.size()) record.text.resize(begin + in.size(), -1);
    for (std::size_t i = 0; i < in.size(); ++i) {
      int& known = record.text[begin + i];
      resealed_ += known >= 0 ? 1U : 0U;
      violations_ += known >= 0 && known != in[i] ? 1U : 0U;
      known = in[i];
    }
  }

  std::unique_ptr<tls::Sealer> real_;
  std::map<std::pair<Buffer, tls::Nonce>, Record> sealed_;
  std::uint64_t resealed_ = 0;
  std::uint64_t violations_ = 0;
};

}  // namespace slipway::sim
