// SPDX-License-Identifier: Apache-2.0
#include "control/access/sessions.h"

#include <algorithm>
#include <utility>

#include "control/access/digest.h"
#include "control/access/tokens.h"

namespace slipway::control {

std::string Sessions::Begin(std::string token_sha256, std::int64_t now) {
  std::string text = MakeTokenText();
  if (text.empty()) return text;
  const std::scoped_lock lock(mutex_);
  MakeRoom(token_sha256, now);
  sessions_[HashOf(text)] = {
      .token_sha256 = std::move(token_sha256), .began = now, .last_used = now};
  return text;
}

std::optional<std::string> Sessions::Find(std::string_view text, std::int64_t now) {
  const std::scoped_lock lock(mutex_);
  // By its hash: what the comparisons take says nothing of a text that would be right.
  const auto found = sessions_.find(HashOf(text));
  if (found == sessions_.end()) return std::nullopt;
  if (IsOver(found->second, now)) {
    sessions_.erase(found);
    return std::nullopt;
  }
  found->second.last_used = now;
  return found->second.token_sha256;
}

void Sessions::End(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  sessions_.erase(HashOf(text));
}

std::size_t Sessions::size() const {
  const std::scoped_lock lock(mutex_);
  return sessions_.size();
}

bool Sessions::IsOver(const Session& session, std::int64_t now) const {
  return now - session.began >= limits_.lifetime || now - session.last_used >= limits_.silence;
}

void Sessions::MakeRoom(const std::string& token_sha256, std::int64_t now) {
  std::erase_if(sessions_, [&](const auto& entry) { return IsOver(entry.second, now); });
  const auto end_oldest = [this](auto&& counts, std::size_t limit) {
    auto oldest = sessions_.end();
    std::size_t count = 0;
    for (auto each = sessions_.begin(); each != sessions_.end(); ++each) {
      if (!counts(each->second)) continue;
      ++count;
      if (oldest == sessions_.end() || each->second.last_used < oldest->second.last_used) {
        oldest = each;
      }
    }
    if (count >= limit) sessions_.erase(oldest);
  };
  end_oldest([&](const Session& each) { return each.token_sha256 == token_sha256; },
             limits_.per_token);
  end_oldest([](const Session&) { return true; }, limits_.all);
}

}  // namespace slipway::control
