// SPDX-License-Identifier: Apache-2.0
//
// Previous: what each reference led to before it last moved, so that a move can be undone. It lies
// beside index.json, in previous.json, and knows one step back.
//
// Invariant: it is written before the index and held against it. What it says of a reference counts
// only while that one leads where the move went to. So it never says what was not: not after a
// crash between the two files, nor where another tool has written the index; then nothing is known.
// Left out: keeping what it names. A version without a tag goes when it is old (collect.cc).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "control/image_store/index.h"

namespace slipway::control {

class Previous {
 public:
  static std::filesystem::path PathIn(const std::filesystem::path& store) {
    return store / "previous.json";
  }
  // Where there is no such file, or a damaged one, nothing is known: no reason not to serve.
  static Previous Read(const std::filesystem::path& store);

  // The digest (hex) that the reference led to before it came to lead to `digest`; empty: unknown.
  std::string Of(std::string_view reference, std::string_view digest) const;
  // Notes what moves where the index becomes `after`, and forgets what is no more. False: it says
  // what it said.
  bool Take(std::span<const IndexEntry> before, std::span<const IndexEntry> after);
  std::string ToText() const;

 private:
  struct Move {
    std::string from;  // digests, hex
    std::string to;

    friend bool operator==(const Move&, const Move&) = default;
  };
  std::map<std::string, Move, std::less<>> moves_;  // by reference
};

}  // namespace slipway::control
