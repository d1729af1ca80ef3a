// SPDX-License-Identifier: Apache-2.0
//
// The session's deadlines and records. Three things are waited for, each for a bounded time: the
// rest of a request, the next request, and the receiver taking what was sent. Release() carries no
// time, so progress is noticed at the deadline: if there was any, another period begins.
#include <algorithm>
#include <utility>

#include "protocols/http/session.h"

namespace slipway::http {

Time Session::Deadline() const {
  if (given_up_) return active_;  // at once
  if (!responses_.drained()) return progress_at_ + config_->stall_timeout;
  if (awaiting_ == Awaiting::kNothing) return kNever;
  const bool unfinished = input_size_ != 0 || awaiting_ == Awaiting::kBody;
  if (unfinished) return request_began_ + config_->header_timeout;
  return std::max(active_, progress_at_) + config_->idle_timeout;
}

Expired Session::Expire(Time now) {
  if (now < Deadline()) return {};
  if (given_up_) return *std::exchange(given_up_, std::nullopt);
  const bool unfinished = input_size_ != 0 || awaiting_ == Awaiting::kBody;
  if (responses_.drained() && unfinished) return GiveUpRequest(Drop::kHttpTimeout, now);
  if (responses_.released() != progress_) {
    progress_ = responses_.released();
    progress_at_ = now;
    return {};
  }
  const bool stalled = !responses_.drained();
  Close();
  return {.drop = stalled ? Drop::kHttpStalled : Drop::kNone, .close = true, .abort = stalled};
}

void Session::GiveUpBlock(Time now) { given_up_ = GiveUpRequest(Drop::kHttpNoRoom, now); }

Expired Session::GiveUpRequest(Drop drop, Time now) {
  Request request = Refused(Status::kRequestTimeout, drop);
  Received received;
  // Inside a body the request was answered already.
  const bool told = awaiting_ == Awaiting::kRequest && Answer(request, now, received);
  Close();
  return {.drop = told ? Drop::kNone : drop, .close = true};
}

const RequestRecord* Session::TakeStarted() {
  return started_ == queued_ ? nullptr : &Record(started_++);
}

const RequestRecord* Session::TakeCompleted() {
  if (responses_.released() < completes_at_) return nullptr;
  const RequestRecord& done = Record(completed_++);
  started_ = std::max(started_, completed_);
  if (completed_ != queued_) {
    completes_at_ = Record(completed_).end;
  } else {
    completes_at_ = kNoResponse;
    completed_ = started_ = queued_ = 0;  // the next goes where this was, on lines that are near
  }
  return &done;
}

const RequestRecord* Session::InFlight() const {
  for (std::uint64_t number = completed_; number != queued_; ++number) {
    if (Record(number).end > responses_.released()) return &Record(number);
  }
  return nullptr;
}

}  // namespace slipway::http
