// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/command_line.h"

#include <charconv>
#include <functional>

#include "absl/strings/str_format.h"

namespace slipway::storm {

const char* const kUsage =
    R"(Usage: slipway-storm --port DEVICE (--mode MODE --machines N | --mix LIST) [OPTION...]
       slipway-storm --write-pcap FILE --capture dhcp|synflood|arp|garbage [--frames N]

Where
  --port DEVICE         DPDK vdev string or PCI address, as slipwayd's
  --core N              the core it polls on (0)
  --hugepages           packet memory in hugepages; without, ports are virtual devices only
  --memory SIZE         EAL memory; default: what the packet buffers need
  --buffers N           packet buffers (32768)
  --mtu N               (1500)
What
  --mode MODE           boot, download, handshake, dhcp, synflood, slowreader, requests
  --machines N          (1)
  --mix LIST            several at once: boot:9000,slowreader:1000,synflood:1Mpps
  --personality LIST    uefi, uefi2025, ipxe, linux, with weights: uefi:2,linux:1 (linux)
  --url URL             what is fetched where DHCP names nothing
  --files LIST          of a boot, after its first file: absolute paths, or beside it
  --range SIZE          bytes a download asks for at once (64MiB)
  --slow SIZE           bytes per second of a slow reader (4KiB)
Machines
  --addresses A/LEN     the first of the fixed addresses, outside the server's pool (10.77.1.0/16)
  --gateway A --dns A   of machines with fixed addresses
  --server A            where names lead, instead of asking DNS
  --no-wait             power on at once, and not when the server's known address answers by ARP
  --power-on TIME       spread over so long; 0: all at once (0)
  --offer-wait TIME     how long offers are collected, instead of the firmware's own time
  --patience TIME       without a byte for so long, a boot fails, instead of the firmware's own
  --window SIZE         receive window, instead of the personality's
  --receiver firmware   a ring of 64, one frame a poll turn, deaf while it decrypts 16 KiB
  --poll-turn TIME      of that receiver (10us)   --deaf TIME (10ms)
How long
  --seconds N           at most so long; boots end it when they are all over (0: no limit)
  --bytes SIZE          ends once so much was received
  --warm-up TIME        left out of the rates (0)
Checking
  --verify all|none|sample[:1/N]   whose bytes are decrypted and compared (all; sample: 1/16)
  --ca FILE             PEM; verified machines hold the server's certificate to it
  --digest HEX          SHA-256 of the body, instead of the server's ETag
  --reference PATH=FILE what the URL's path must hold, to compare ranges with
Wire
  --loss SHARE          of frames, each way: 1% or 0.01    --seed N
Report
  --json FILE           --quiet
)";

namespace {

template <class Number>
bool ReadNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

// Splits off the unit: the digits, and what follows them.
bool SplitUnit(std::string_view text, double& number, std::string_view& unit) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return false;
  unit = text.substr(static_cast<std::size_t>(end - text.data()));
  return true;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

bool ReadAddress(std::string_view text, Ipv4Address& address) {
  const auto parsed = Ipv4Address::Parse(text);
  if (parsed) address = *parsed;
  return parsed.has_value();
}

bool ReadPersonalities(std::string_view text, FarmOptions& options) {
  for (const std::string& part : Split(text)) {
    const std::size_t colon = std::min(part.find(':'), part.size());
    const auto firmware = FirmwareNamed(part.substr(0, colon));
    std::uint32_t weight = 1;
    if (!firmware) return false;
    if (colon < part.size() && !ReadNumber(std::string_view(part).substr(colon + 1), weight)) {
      return false;
    }
    if (weight == 0) return false;
    options.personalities.emplace_back(*firmware, weight);
  }
  return !options.personalities.empty();
}

bool ReadVerify(std::string_view text, std::uint32_t& every) {
  if (text == "all" || text == "none") {
    every = text == "all" ? 1 : 0;
    return true;
  }
  if (!text.starts_with("sample")) return false;
  text.remove_prefix(6);
  every = 16;
  return text.empty() ||
         (text.starts_with(":1/") && ReadNumber(text.substr(3), every) && every > 0);
}

bool ReadLoss(std::string_view text, double& loss) {
  std::string_view unit;
  if (!SplitUnit(text, loss, unit)) return false;
  if (unit == "%") loss /= 100;
  return (unit.empty() || unit == "%") && loss < 1;
}

bool ReadReference(std::string_view text, CommandLine& line) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || !text.starts_with('/')) return false;
  line.references.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  return true;
}

template <class Value, class Target>
bool Take(const std::optional<Value>& value, Target& target) {
  if (value) target = static_cast<Target>(*value);
  return value.has_value();
}

bool TakeOptional(const std::optional<Duration>& value, std::optional<Duration>& target) {
  target = value;
  return value.has_value();
}

struct Flag {
  std::string_view name;
  std::function<bool(std::string_view)> read;
};

std::vector<Flag> NetworkFlags(FarmOptions& farm) {
  using View = std::string_view;
  return {
      {"--addresses",
       [&](View v) {
         const auto prefix = Ipv4Prefix::Parse(v);
         if (prefix) farm.first_address = prefix->address, farm.prefix_length = prefix->length;
         return prefix.has_value();
       }},
      {"--gateway", [&](View v) { return ReadAddress(v, farm.gateway); }},
      {"--dns", [&](View v) { return ReadAddress(v, farm.name_server); }},
      {"--server", [&](View v) { return ReadAddress(v, farm.server); }},
      {"--power-on", [&](View v) { return Take(ParseDuration(v), farm.power_on); }},
      {"--offer-wait", [&](View v) { return TakeOptional(ParseDuration(v), farm.offer_wait); }},
      {"--patience", [&](View v) { return TakeOptional(ParseDuration(v), farm.patience); }},
      {"--window",
       [&](View v) {
         std::uint32_t window = 0;
         if (!Take(ParseSize(v), window)) return false;
         farm.window = window;
         return window > 0;
       }},
      {"--receiver", [&](View v) { return farm.firmware_receiver = v == "firmware"; }},
      {"--poll-turn", [&](View v) { return Take(ParseDuration(v), farm.poll_turn); }},
      {"--deaf", [&](View v) { return Take(ParseDuration(v), farm.deaf); }},
      {"--loss", [&](View v) { return ReadLoss(v, farm.loss); }},
      {"--seed", [&](View v) { return ReadNumber(v, farm.seed); }},
      {"--mtu", [&](View v) { return ReadNumber(v, farm.mtu) && farm.mtu >= 576; }},
  };
}

std::vector<Flag> WorkFlags(CommandLine& line, std::string& mode, std::uint32_t& machines) {
  using View = std::string_view;
  FarmOptions& farm = line.farm;
  return {
      {"--mode", [&](View v) { return ModeNamed(mode = v).has_value(); }},
      {"--machines", [&](View v) { return ReadNumber(v, machines) && machines > 0; }},
      {"--mix",
       [&](View v) {
         auto mix = ParseMix(v);
         if (mix.ok()) farm.workloads = *std::move(mix);
         return !farm.workloads.empty();
       }},
      {"--personality", [&](View v) { return ReadPersonalities(v, farm); }},
      {"--url", [&](View v) { return (farm.url = Url::Parse(v)).has_value(); }},
      {"--files", [&](View v) { return !(farm.files = Split(v)).empty(); }},
      {"--range", [&](View v) { return Take(ParseSize(v), farm.range_bytes); }},
      {"--slow", [&](View v) { return Take(ParseSize(v), farm.slow_bytes_per_second); }},
      {"--seconds",
       [&](View v) {
         double seconds = 0;
         if (!ReadNumber(v, seconds)) return false;
         farm.limit = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
         return true;
       }},
      {"--bytes", [&](View v) { return Take(ParseSize(v), farm.bytes); }},
      {"--warm-up", [&](View v) { return Take(ParseDuration(v), farm.warm_up); }},
      {"--verify", [&](View v) { return ReadVerify(v, farm.verify_every); }},
      {"--ca", [&](View v) { return !(farm.authority_file = v).empty(); }},
      {"--digest", [&](View v) { return (farm.digest = v).size() == 64; }},
      {"--reference", [&](View v) { return ReadReference(v, line); }},
  };
}

std::vector<Flag> ProgramFlags(CommandLine& line) {
  using View = std::string_view;
  return {
      {"--port", [&](View v) { return !(line.port = v).empty(); }},
      {"--core", [&](View v) { return ReadNumber(v, line.core); }},
      {"--memory",
       [&](View v) {
         std::uint64_t bytes = 0;
         if (!Take(ParseSize(v), bytes)) return false;
         line.memory_mib = bytes >> 20;
         return line.memory_mib > 0;
       }},
      {"--buffers", [&](View v) { return ReadNumber(v, line.frames) && line.frames >= 2048; }},
      {"--json", [&](View v) { return !(line.json = v).empty(); }},
      {"--write-pcap", [&](View v) { return !(line.pcap = v).empty(); }},
      {"--capture", [&](View v) { return !(line.pcap_kind = v).empty(); }},
      {"--frames", [&](View v) { return ReadNumber(v, line.pcap_frames); }},
  };
}

// The arguments that have no value.
bool TakeSwitch(std::string_view name, CommandLine& line) {
  if (name == "--help") return line.help = true;
  if (name == "--quiet") return line.quiet = true;
  if (name == "--hugepages") return line.hugepages = true;
  if (name == "--no-wait") line.farm.await_server = false;
  return name == "--no-wait";
}

}  // namespace

std::optional<std::uint64_t> ParseSize(std::string_view text) {
  double number = 0;
  std::string_view unit;
  if (!SplitUnit(text, number, unit)) return std::nullopt;
  constexpr std::string_view kUnits = "KMGT";
  if (!unit.empty()) {
    const std::size_t power = kUnits.find(unit[0]);
    if (power == std::string_view::npos) return std::nullopt;
    if (unit.size() > 1 && unit.substr(1) != "iB") return std::nullopt;
    number *= static_cast<double>(std::uint64_t{1} << 10 * (power + 1));
  }
  return static_cast<std::uint64_t>(number);
}

std::optional<Duration> ParseDuration(std::string_view text) {
  double number = 0;
  std::string_view unit;
  if (!SplitUnit(text, number, unit)) return std::nullopt;
  double nanoseconds = 0;
  if (unit == "s") {
    nanoseconds = 1e9;
  } else if (unit == "ms") {
    nanoseconds = 1e6;
  } else if (unit == "us") {
    nanoseconds = 1e3;
  } else if (!unit.empty() || number != 0) {
    return std::nullopt;
  }
  return Duration(static_cast<Duration::rep>(number * nanoseconds));
}

absl::StatusOr<std::vector<Workload>> ParseMix(std::string_view text) {
  std::vector<Workload> mix;
  for (const std::string& part : Split(text)) {
    const std::size_t colon = std::min(part.find(':'), part.size());
    const auto mode = ModeNamed(part.substr(0, colon));
    std::string_view amount = colon < part.size() ? std::string_view(part).substr(colon + 1) : "1";
    Workload workload;
    double number = 0;
    std::string_view unit;
    if (!mode || !SplitUnit(amount, number, unit)) {
      return absl::InvalidArgumentError("no workload: " + part);
    }
    workload.mode = *mode;
    if (*mode == Mode::kSynFlood) {
      const double factor = unit == "pps" ? 1 : unit == "kpps" ? 1e3 : unit == "Mpps" ? 1e6 : 0;
      const bool at_will = colon == part.size();
      if (factor == 0 && !at_will) return absl::InvalidArgumentError("no rate: " + part);
      workload.frames_per_second = number * factor;
    } else {
      if (!unit.empty() || number < 1) return absl::InvalidArgumentError("no number: " + part);
      workload.machines = static_cast<std::uint32_t>(number);
    }
    mix.push_back(workload);
  }
  return mix;
}

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments) {
  CommandLine line;
  std::string mode;
  std::uint32_t machines = 1;
  std::vector<Flag> flags = ProgramFlags(line);
  for (Flag& flag : NetworkFlags(line.farm)) flags.push_back(std::move(flag));
  for (Flag& flag : WorkFlags(line, mode, machines)) flags.push_back(std::move(flag));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view name = arguments[i];
    if (TakeSwitch(name, line)) continue;
    std::string_view value;
    if (const std::size_t equals = name.find('='); equals != std::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    const auto known = std::ranges::find(flags, name, &Flag::name);
    if (known == flags.end()) {
      return absl::InvalidArgumentError(absl::StrFormat("unknown argument %s", std::string(name)));
    }
    if (!known->read(value)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s does not take '%s'", std::string(name), std::string(value)));
    }
  }
  if (line.farm.workloads.empty() && !mode.empty()) {
    line.farm.workloads = {{.mode = *ModeNamed(mode), .machines = machines}};
    if (line.farm.workloads[0].mode == Mode::kSynFlood) line.farm.workloads[0].machines = 1;
  }
  const bool runs = !line.help && line.pcap.empty();
  if (runs && line.farm.workloads.empty()) {
    return absl::InvalidArgumentError("neither --mode nor --mix is given");
  }
  if (runs && line.port.empty()) return absl::InvalidArgumentError("--port is missing");
  return line;
}

}  // namespace slipway::storm
