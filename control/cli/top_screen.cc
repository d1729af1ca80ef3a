// SPDX-License-Identifier: Apache-2.0
#include "control/cli/top_screen.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "control/text.h"

namespace slipway::control {
namespace {

enum class Paint : std::uint8_t { kPlain, kBold, kDim, kGreen, kYellow, kRed };

// A line with its visible width, cut at the screen's edge.
class Line {
 public:
  explicit Line(const TopScreen& screen) : screen_(screen) {}

  Line& Add(std::string_view text, Paint paint = Paint::kPlain) {
    return AddCode(text, CodeOf(paint));
  }
  // Right-aligned in `width`.
  Line& Right(std::string_view text, std::size_t width, Paint paint = Paint::kPlain) {
    if (text.size() < width) Add(std::string(width - text.size(), ' '));
    return Add(text, paint);
  }
  // Left-aligned, filled up to column `column`.
  Line& To(std::size_t column) {
    if (width_ < column) Add(std::string(column - width_, ' '));
    return *this;
  }
  Line& AddCode(std::string_view text, std::string_view code) {
    if (text.size() > room()) text = text.substr(0, room());
    if (text.empty()) return *this;
    width_ += text.size();
    if (!screen_.color || code.empty()) {
      text_ += text;
    } else {
      text_ += Text("\033[", code, "m", text, "\033[0m");
    }
    return *this;
  }
  std::size_t room() const { return screen_.columns - std::min(screen_.columns, width_); }
  std::string Done() const { return text_; }

 private:
  static std::string_view CodeOf(Paint paint) {
    constexpr std::array<std::string_view, 6> kCodes = {"", "1", "2", "32", "33", "31"};
    return kCodes[static_cast<std::size_t>(paint)];
  }

  const TopScreen& screen_;
  std::string text_;
  std::size_t width_ = 0;
};

std::string Percent(double share) { return Text(static_cast<int>(std::lround(100 * share)), " %"); }

std::string Fixed(double value, int digits) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

// Cut with dots where it does not fit.
std::string Cut(std::string text, std::size_t room) {
  if (text.size() <= room) return text;
  text.resize(room < 3 ? room : room - 3);
  if (room >= 3) text += "...";
  return text;
}

Paint PaintOfLoad(double load) {
  return load >= 0.95 ? Paint::kRed : load >= 0.8 ? Paint::kYellow : Paint::kGreen;
}

std::string Head(const TopFrame& frame, const TopScreen& screen) {
  Line line(screen);
  line.Add("slipway top", Paint::kBold).Add(Text("  ", frame.server, "  ", frame.clock));
  line.Add(Text("  every ", frame.every_seconds, " s"));
  if (frame.paused) line.Add("  ").Add("PAUSED", Paint::kYellow);
  return line.Done();
}

std::string BootLine(const TopView& view, const TopScreen& screen) {
  const TopBoots& boots = view.boots;
  Line line(screen);
  line.Add("boots ", Paint::kBold).Add(Text(' ', Grouped(boots.under_way), " running"));
  line.Add(Text("  ", Grouped(boots.waiting), " waiting"),
           boots.waiting > 0 ? Paint::kYellow : Paint::kPlain);
  if (boots.waiting > 0 && boots.wait_seconds) {
    line.Add(Text(" (", Fixed(*boots.wait_seconds, 0), " s for a new one)"));
  }
  line.Add(Text("  ", Grouped(boots.complete), " done"), Paint::kGreen);
  if (view.finished_per_second > 0) {
    line.Add(Text(" (", Scaled(view.finished_per_second), "/s)"));
  }
  line.Add(Text("  ", Grouped(boots.failed), " failed"),
           boots.failed > 0 ? Paint::kRed : Paint::kPlain);
  line.Add(Text("  ", Grouped(boots.abandoned), " abandoned"));
  return line.Done();
}

constexpr std::size_t kName = 6;
constexpr std::size_t kLoadBar = 10;

void TrafficHead(Line& line) {
  line.Add("LOAD").To(kName + 2 + kLoadBar + 7);
  line.Right("BIT/S OUT", 10, Paint::kDim).Right("IN", 7, Paint::kDim);
  line.Right("PKT/S OUT", 10, Paint::kDim).Right("IN", 7, Paint::kDim);
  line.Right("OPEN", 7, Paint::kDim).Right("NEW/S", 7, Paint::kDim);
  line.Right("TLS/S", 7, Paint::kDim);
}

void Traffic(const TopWorker& worker, Line& line) {
  const auto full = static_cast<std::size_t>(std::lround(worker.load * double{kLoadBar}));
  const Paint paint = PaintOfLoad(worker.load);
  line.Add(std::string(std::min(full, kLoadBar), '#'), paint);
  line.Add(std::string(kLoadBar - std::min(full, kLoadBar), '.'), Paint::kDim);
  line.Right(Percent(worker.load), 7, paint);
  line.Right(Scaled(worker.bits_out), 10).Right(Scaled(worker.bits_in), 7);
  line.Right(Scaled(worker.packets_out), 10).Right(Scaled(worker.packets_in), 7);
  line.Right(Scaled(static_cast<double>(worker.connections)), 7);
  line.Right(Scaled(worker.opened), 7).Right(Scaled(worker.handshakes), 7);
}

void CostHead(Line& line) {
  line.Right("CYCLES/PKT", 10, Paint::kDim).Right("/BYTE", 7, Paint::kDim);
  line.Right("BURST IN", 10, Paint::kDim).Right("OUT", 6, Paint::kDim);
  line.Right("OUTBOX", 9, Paint::kDim).Right("PEAK", 6, Paint::kDim);
  line.Right("RING FULL", 11, Paint::kDim).Right("POOL", 7, Paint::kDim);
}

void Cost(const TopWorker& worker, Line& line) {
  line.Right(worker.cycles_per_packet > 0 ? Scaled(worker.cycles_per_packet) : "-", 10);
  line.Right(worker.cycles_per_byte > 0 ? Fixed(worker.cycles_per_byte, 2) : "-", 7);
  line.Right(Fixed(worker.burst_in, 1), 10).Right(Fixed(worker.burst_out, 1), 6);
  line.Right(Grouped(worker.outbox), 9).Right(Grouped(worker.outbox_peak), 6);
  line.Right(Percent(worker.ring_full), 11,
             worker.ring_full >= 0.1 ? Paint::kYellow : Paint::kPlain);
  line.Right(Percent(worker.pool), 7, worker.pool >= 0.9 ? Paint::kRed : Paint::kPlain);
}

// Each step its letter, as wide as its share of the busy cycles.
constexpr std::string_view kLetters = "RCDXEST";
constexpr std::array<std::string_view, kTopSteps.size()> kStepWords = {
    "Receive", "Classify", "Deliver", "eXpire", "Emit", "Seal", "Transmit"};
constexpr std::array<std::string_view, kTopSteps.size()> kStepCodes = {
    "30;46", "30;47", "30;42", "30;47", "30;43", "30;45", "30;44"};

void StepBar(const TopWorker& worker, std::size_t width, Line& line) {
  double until = 0;
  std::size_t drawn = 0;
  for (std::size_t i = 0; i < kTopSteps.size(); ++i) {
    until += worker.step_shares[i];
    const auto end =
        std::min(width, static_cast<std::size_t>(std::lround(until * static_cast<double>(width))));
    if (end > drawn) line.AddCode(std::string(end - drawn, kLetters[i]), kStepCodes[i]);
    drawn = std::max(drawn, end);
  }
  line.Add(std::string(width - drawn, '.'), Paint::kDim);
}

// In hundredths, each with the capital letter that stands for it in the bar.
std::string StepWords(const TopWorker& worker, const TopScreen& screen) {
  Line line(screen);
  for (std::size_t i = 0; i < kTopSteps.size(); ++i) {
    line.Add("  ").Add(kStepWords[i], Paint::kDim).Add(" ");
    line.Add(Text(std::lround(100 * worker.step_shares[i])));
  }
  return line.Add(" %").Done();
}

Line Named(std::string_view name, const TopScreen& screen, Paint paint = Paint::kPlain) {
  Line line(screen);
  line.Right(name, kName, paint).Add("  ");
  return line;
}

// What adds up; costs are those of all cycles together.
TopWorker SumOf(const std::vector<TopWorker>& workers) {
  TopWorker sum;
  for (const TopWorker& each : workers) {
    sum.load += each.load / static_cast<double>(workers.size());
    for (double TopWorker::*field :
         {&TopWorker::bits_in, &TopWorker::bits_out, &TopWorker::packets_in,
          &TopWorker::packets_out, &TopWorker::opened, &TopWorker::handshakes}) {
      sum.*field += each.*field;
    }
    sum.connections += each.connections;
  }
  return sum;
}

std::vector<std::string> Workers(const TopView& view, const TopScreen& screen, std::size_t count) {
  const bool wide = screen.columns >= 150;
  std::vector<std::string> traffic, cost, steps;
  Line traffic_head = Named("WORKER", screen, Paint::kDim);
  TrafficHead(traffic_head);
  Line cost_head = Named("WORKER", screen, Paint::kDim);
  if (wide) {
    traffic_head.Add("  ");
    CostHead(traffic_head);
  } else {
    CostHead(cost_head);
    cost.push_back(cost_head.Done());
  }
  traffic.push_back(traffic_head.Done());
  steps.push_back(
      Named("WORKER", screen, Paint::kDim)
          .Add("where the busy cycles go (sealing measured in one round of 64)", Paint::kDim)
          .Done());
  for (std::size_t i = 0; i < count; ++i) {
    const TopWorker& worker = view.workers[i];
    const std::string name = Text(worker.worker);
    Line line = Named(name, screen);
    Traffic(worker, line);
    if (wide) {
      line.Add("  ");
      Cost(worker, line);
    } else {
      Line second = Named(name, screen);
      Cost(worker, second);
      cost.push_back(second.Done());
    }
    traffic.push_back(line.Done());
    Line bar = Named(name, screen);
    StepBar(worker, std::min<std::size_t>(bar.room(), 100), bar);
    steps.push_back(bar.Done());
    if (view.workers.size() <= 2) steps.push_back(StepWords(worker, screen));
  }
  if (view.workers.size() > 1) {
    Line line = Named("all", screen, Paint::kBold);
    Traffic(SumOf(view.workers), line);
    traffic.push_back(line.Done());
  }
  std::vector<std::string> lines{""};
  for (const auto* part : {&traffic, &cost, &steps}) {
    if (part->empty()) continue;
    lines.insert(lines.end(), part->begin(), part->end());
    lines.emplace_back();
  }
  if (count < view.workers.size()) {
    lines.back() =
        Named("", screen)
            .Add(Text(view.workers.size() - count, " workers more; a taller window shows them"),
                 Paint::kYellow)
            .Done();
    lines.emplace_back();
  }
  return lines;
}

// What an operator should look at, the gravest first.
std::vector<std::string> Notes(const TopView& view) {
  std::vector<std::string> notes;
  for (const TopWorker& worker : view.workers) {
    const std::string name = Text("worker ", worker.worker);
    if (worker.seconds <= 0) {
      notes.push_back(Text(name, " has not reported since: is its core taken by something else?"));
    }
    if (worker.pool >= 0.9) {
      notes.push_back(Text(name, ": ", Percent(worker.pool), " of its packet memory is in use"));
    }
    if (worker.load >= 0.95) {
      notes.push_back(Text(name, " is full: what it serves is limited by its core"));
    }
    if (worker.ring_full >= 0.1) {
      notes.push_back(Text(name, ": the port's ring was full in ", Percent(worker.ring_full),
                           " of its bursts: the wire, or who reads it, is the limit"));
    }
    if (worker.retransmissions > 0.01 * worker.packets_out) {
      notes.push_back(Text(name, ": ", Scaled(worker.retransmissions),
                           " segments a second are sent again: frames are lost on the way"));
    }
    if (worker.handshakes_waiting > 64) {
      notes.push_back(
          Text(name, ": ", worker.handshakes_waiting, " handshake steps wait for their turn"));
    }
    if (worker.events_lost > 0) {
      notes.push_back(Text(name, ": ", Scaled(worker.events_lost),
                           " events a second are lost: boots' stories miss steps"));
    }
  }
  return notes;
}

std::vector<std::string> Drops(const TopView& view, const TopScreen& screen, std::size_t count) {
  std::vector<std::string> lines;
  if (view.drops.empty()) {
    lines.push_back(Line(screen).Add("no frame was dropped", Paint::kDim).Done());
    return lines;
  }
  lines.push_back(Line(screen).Add("DROPS/S        TOTAL  KIND    WHY", Paint::kDim).Done());
  for (std::size_t i = 0; i < std::min(count, view.drops.size()); ++i) {
    const TopDrop& drop = view.drops[i];
    Line line(screen);
    const bool now = drop.per_second > 0;
    const Paint paint = !now                      ? Paint::kDim
                        : drop.severity == "load" ? Paint::kRed
                        : drop.severity == "peer" ? Paint::kYellow
                                                  : Paint::kPlain;
    line.Right(now ? Scaled(drop.per_second) : "-", 7, paint).Right(Grouped(drop.count), 13, paint);
    line.Add("  ").Add(drop.severity, paint).To(30);
    const bool named = screen.columns >= 110;
    line.Add(Cut(named ? Text(drop.sentence, " (", drop.name, ")") : drop.sentence, line.room()),
             paint);
    lines.push_back(line.Done());
  }
  if (count < view.drops.size()) {
    lines.back() = Line(screen)
                       .Add(Text("        and ", view.drops.size() + 1 - count,
                                 " reasons more: slipway drops"),
                            Paint::kDim)
                       .Done();
  }
  return lines;
}

// How many lines `workers` of them take, as Workers() draws them.
std::size_t LinesOf(const TopView& view, const TopScreen& screen, std::size_t workers) {
  return Workers(view, screen, workers).size();
}

}  // namespace

std::string Scaled(double value) {
  constexpr std::string_view kUnits = " kMGTP";
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  const int digits = value >= 99.95 || (unit == 0 && value == std::floor(value)) ? 0
                     : value >= 9.995                                            ? 1
                                                                                 : 2;
  std::string text = Fixed(value, digits);
  if (unit > 0) text += kUnits[unit];
  return text;
}

std::string Grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string RenderTop(const TopView& view, const TopFrame& frame, const TopScreen& screen) {
  constexpr std::size_t kDropsMin = 3;
  constexpr std::size_t kNotesMax = 3;
  std::vector<std::string> notes = Notes(view);
  if (screen.rows > 0 && notes.size() > kNotesMax) notes.resize(kNotesMax);
  std::vector<std::string> lines{Head(frame, screen), BootLine(view, screen)};
  if (!frame.trouble.empty()) {
    lines.push_back(Line(screen).Add(Cut(frame.trouble, screen.columns), Paint::kRed).Done());
  }
  const std::size_t last = (frame.keys ? 2 : 0) + notes.size();
  const std::size_t around = lines.size() + last + 1;
  std::size_t workers = view.workers.size();
  while (screen.rows > 0 && workers > 1 &&
         around + LinesOf(view, screen, workers) + std::min(kDropsMin, view.drops.size()) >
             screen.rows) {
    --workers;
  }
  const std::vector<std::string> drawn = Workers(view, screen, workers);
  lines.insert(lines.end(), drawn.begin(), drawn.end());
  const std::size_t used = lines.size() + last + 1;
  const std::size_t room = screen.rows == 0     ? view.drops.size()
                           : screen.rows > used ? screen.rows - used
                                                : 1;
  const std::vector<std::string> drops = Drops(view, screen, room);
  lines.insert(lines.end(), drops.begin(), drops.end());
  for (const std::string& note : notes) {
    lines.push_back(
        Line(screen).Add("! ", Paint::kYellow).Add(Cut(note, screen.columns - 2)).Done());
  }
  if (screen.rows > 0 && frame.keys) {
    lines.resize(std::max(screen.rows - 1, std::size_t{1}));
    lines.push_back(Line(screen).Add("q quit   p pause   + slower   - faster", Paint::kDim).Done());
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace slipway::control
