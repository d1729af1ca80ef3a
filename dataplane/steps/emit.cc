// SPDX-License-Identifier: Apache-2.0
//
// Emit and Seal: connections with something to send take turns (deficit round robin: a turn is at
// most one burst of segments), as far as the port's ring has room. TCP is asked for a whole run of
// segments at once. The text of each comes from the connection's source straight into the frame: a
// slice of an image without a copy, or a record sealed in place.
#include <algorithm>
#include <array>

#include "dataplane/tcp_run.h"
#include "dataplane/worker.h"
#include "protocols/base/check.h"

namespace slipway::dataplane {

std::size_t Worker::Emit(Time now) {
  std::size_t emitted = SendStrays(now);
  std::size_t room = kEmitMax;
  while (room > 0) {
    const auto id = NextToSend();
    if (!id) break;
    Service& service = services_[id->index];
    const Interface& at = interfaces_[service.interface];
    // A turn is not cut short: who would be cut most often would get least.
    for (bool over = false; !over;) {
      const auto out = tcp_.Emit(*id, now, at.link().run_max());
      if (!out) break;
      const std::size_t sent = EmitRun(*out, at, service.station);
      emitted += sent;
      room -= std::min(room, sent);
      over = out->turn_over;
    }
  }
  return emitted;
}

// The segments of one run, cut by the port or here; returns how many. Their frames are made
// together, and their text in one call of its source; where it is sealed, headers are written as
// the turn of each comes.
std::size_t Worker::EmitRun(const tcp::Outgoing& out, const Interface& at,
                            const MacAddress& station) {
  Link& link = at.link();
  TcpRun run(at, station, out);
  while (!run.done()) {
    std::array<Frame, TcpRun::kFramesMax> storage;
    const std::span wanted = std::span(storage).first(run.frames_left());
    const std::span frames = wanted.first(link.pool().Allocate(wanted));
    const bool filled = FillFrames(run, frames, out.source);
    const std::size_t sent = filled ? link.SendRun(frames) : 0;
    reporter_.CountPassed(Step::kEmit, sent);
    for (std::size_t i = sent; i < wanted.size(); ++i) {
      const bool no_buffer = !filled || i >= frames.size();
      reporter_.Count(Step::kEmit, no_buffer ? Drop::kNoBuffer : Drop::kTransmitRingFull);
    }
    // What found no buffer is lost, as on a wire: TCP sends it again.
    if (frames.size() < wanted.size()) break;
  }
  return out.length == 0 ? 1 : (out.length + out.mss - 1) / out.mss;
}

// Headers and text of the next frames of a run. False when packet memory ran out.
bool Worker::FillFrames(TcpRun& run, std::span<Frame> frames, ByteSource* source) {
  const bool lends = source != nullptr && source->lends();
  SealWatch watch(reporter_.statistics);
  TextRooms rooms(run);
  LentText lent(source, run.end());
  std::uint64_t bytes = 0;
  for (Frame& frame : frames) {
    const TcpRun::Text text = run.Start(frame, /*with_room=*/!lends);
    if (text.size == 0) continue;
    SLIPWAY_CHECK(source != nullptr);
    const bool placed = lends ? AppendText(frame, lent, text) : rooms.Add(frame, text, *source);
    if (!placed) return false;
    bytes += text.size;
    reporter_.CountPassed(Step::kSeal, 1);
  }
  if (source != nullptr) rooms.Fill(*source);
  watch.Sealed(bytes);
  reporter_.statistics.payload_bytes += bytes;
  if (!lends) reporter_.statistics.sealed_bytes += bytes;
  return true;
}

bool Worker::AppendText(Frame& frame, LentText& lent, const TcpRun::Text& text) {
  std::uint64_t offset = text.offset;
  const std::uint64_t end = text.offset + text.size;
  while (offset < end) {
    const Bytes slice = lent.Take(offset, end - offset);
    if (!slice.empty()) {
      if (!frame.AppendBorrowed(slice)) return false;
      reporter_.statistics.borrowed_bytes += slice.size();
      offset += slice.size();
      continue;
    }
    const MutableBytes room = frame.Append(std::min<std::uint64_t>(end - offset, text.piece_max));
    if (room.empty()) return false;
    lent.source().Read(offset, room);
    offset += room.size();
  }
  return true;
}

// Replies that belong to no connection go back where the segment came from that caused them.
std::size_t Worker::SendStrays(Time now) {
  std::size_t sent = 0;
  while (const auto out = tcp_.EmitStray(now)) {
    SendAnswer(stray_way_.interface,
               BuildTcp(interfaces_[stray_way_.interface],
                        {stray_way_.station, out->tuple.local_address, out->tuple.remote_address},
                        out->segment, 0));
    ++sent;
  }
  return sent;
}

std::size_t Worker::Transmit() {
  StepCounters& step = reporter_.statistics.steps[static_cast<std::size_t>(Step::kTransmit)];
  std::size_t sent = 0;
  for (Link& link : links_) {
    const std::size_t left = link.Flush();
    reporter_.statistics.transmit_bursts.Add(left);
    sent += left;
  }
  step.in += sent;
  step.out += sent;
  return sent;
}

}  // namespace slipway::dataplane
