// SPDX-License-Identifier: Apache-2.0
#include "bench/catalog/site.h"

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "control/image_store/image_store.h"
#include "control/store/boot_archive.h"
#include "control/store/store.h"
#include "control/templates/template.h"

namespace slipway::bench {
namespace {

using control::Boot;
using control::BootOutcome;
using control::BootStep;
using control::Machine;
using dataplane::EventKind;

constexpr std::uint32_t kSets = 20;
constexpr std::int64_t kFirstBoot = 1'790'000'000;  // Unix seconds
constexpr std::int64_t kNanoseconds = 1'000'000'000;

control::Actor Filler() { return {.name = "bench", .role = control::Role::kAdmin}; }

absl::Status AddVersions(const std::filesystem::path& folder, std::uint32_t versions) {
  auto store = control::ImageStore::Open(folder / "images");
  if (!store.ok()) return store.status();
  const std::filesystem::path file = folder / "boot.efi";
  for (std::uint32_t i = 0; i < versions; ++i) {
    std::ofstream(file) << "version " << i;
    const std::string reference = absl::StrFormat("set%02d:v%03d", i % kSets, i / kSets);
    const auto set = store->Import(file, reference, {.boot = {{"x64", "boot.efi"}}});
    if (!set.ok()) return set.status();
  }
  std::filesystem::remove(file);
  return absl::OkStatus();
}

absl::Status AddMachines(control::Store& store, std::uint32_t machines) {
  for (std::uint32_t i = 0; i < machines; ++i) {
    Machine machine;
    machine.mac = MacOf(i);
    machine.name = absl::StrFormat("node%05d", i);
    machine.labels = {{"rack", absl::StrFormat("r%03d", i / 40)},
                      {"role", i % 7 == 0 ? "db" : "web"}};
    machine.groups = {absl::StrFormat("hall%d", i % 4)};
    if (i % 10 == 0) {
      machine.image_set = control::ImageSetName{absl::StrFormat("set%02d", i % kSets), "v000"};
    }
    if (const auto stored = store.PutMachine(machine, Filler()); !stored.ok()) {
      return stored.status();
    }
  }
  return absl::OkStatus();
}

// Two documents of each web machine, one of each other: some 15,700 in all.
absl::Status AddTemplates(control::Store& store) {
  const auto add = [&](const std::string& name, const std::string& text, const char* selector) {
    control::Template one{.name = name, .text = {}, .media_type = {}, .selector = {}};
    const absl::Status status = control::Update({{"text", text}, {"selector", selector}}, one);
    return status.ok() ? store.PutTemplate(one, Filler()) : status;
  };
  std::string text = "#cloud-config\nhostname: {{name}}\n# {{mac}} {{label.rack}} {{site}}\n";
  for (int i = 0; i < 30; ++i) text += "  - a line that is the same for each of the machines\n";
  if (absl::Status status = add("user-data", text, ""); !status.ok()) return status;
  return add("boot.ipxe",
             "#!ipxe\nset base {{boot.https}}{{#image.path}}{{image.path}}{{/image.path}}\n"
             "kernel ${base}/linux ds={{boot.https}}{{machine.path}}/\ninitrd ${base}/initrd\n"
             "boot\n",
             "role=web");
}

absl::Status AddRules(control::Store& store) {
  for (std::uint32_t i = 0; i < kSets; ++i) {
    const auto rule = control::ParseRule(
        absl::StrFormat("rule%02d", i),
        {{"order", i},
         {"selector", absl::StrFormat("rack in (r%03d, r%03d), arch=x64, role=%s", i, i + kSets,
                                      i % 2 == 0 ? "web" : "db")},
         {"image_set", absl::StrFormat("set%02d:v001", i)}});
    if (!rule.ok()) return rule.status();
    if (absl::Status status = store.PutRule(*rule, Filler()); !status.ok()) return status;
  }
  const absl::Status status = PutSiteRule(store, "first");
  return status.ok() ? AddTemplates(store) : status;
}

// A boot by UEFI's HTTP, as its timeline would have it; one of 50 stops in the middle.
Boot BootOf(std::uint32_t machine, std::uint32_t number, std::uint32_t steps) {
  Boot boot;
  const std::int64_t began = (kFirstBoot + std::int64_t{number} * 86'400 + machine) * kNanoseconds;
  boot.id = began / 1000;
  boot.mac = MacOf(machine);
  const bool failed = (machine + number) % 50 == 0;
  boot.outcome = failed ? BootOutcome::kFailed : BootOutcome::kComplete;
  boot.words = failed ? "stopped answering while downloading /set00/v002/boot.efi"
                      : "has the whole file /set00/v002/boot.efi";
  constexpr EventKind kKinds[] = {EventKind::kDhcpDiscover, EventKind::kDhcpOffer,
                                  EventKind::kDhcpRequest,  EventKind::kDhcpAck,
                                  EventKind::kDnsQuery,     EventKind::kTcpOpened,
                                  EventKind::kTlsDone,      EventKind::kHttpRequest};
  for (std::uint32_t i = 0; i < steps; ++i) {
    const bool is_last = i + 1 == steps;
    BootStep step;
    step.unix_nanoseconds = began + std::int64_t{i} * 100'000'000;
    step.kind = i < std::size(kKinds) ? kKinds[i]
                : !is_last            ? EventKind::kHttpProgress
                : failed              ? EventKind::kTcpTimedOut
                                      : EventKind::kHttpComplete;
    step.number = i;
    step.extra = 1000;
    step.text = "GET /set00/0123456789ab/boot.efi";
    boot.steps.push_back(step);
  }
  boot.began_unix_nanoseconds = began;
  boot.last_unix_nanoseconds = boot.steps.back().unix_nanoseconds;
  boot.cause = failed ? "transfer.stopped_answering" : "boot.complete";
  return boot;
}

absl::Status AddBoots(control::BootArchive& archive, const SiteOptions& options) {
  constexpr std::size_t kAtOnce = 1000;
  for (std::uint32_t number = 0; number < options.boots_each; ++number) {
    std::vector<Boot> boots;
    for (std::uint32_t i = 0; i < options.machines; ++i) {
      boots.push_back(BootOf(i, number, options.steps));
      if (boots.size() < kAtOnce && i + 1 < options.machines) continue;
      if (absl::Status status = archive.Put(boots, {.boots_per_machine = options.boots_each});
          !status.ok()) {
        return status;
      }
      boots.clear();
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PutSiteRule(control::Store& store, const std::string& site) {
  const auto rest = control::ParseRule(
      "rest", {{"order", 900}, {"image_set", "set00:v002"}, {"variables", {{"site", site}}}});
  return rest.ok() ? store.PutRule(*rest, Filler()) : rest.status();
}

MacAddress MacOf(std::uint32_t number) {
  return {{0x52, 0x54, 0, static_cast<std::uint8_t>(number >> 16),
           static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
}

absl::Status FillSite(const std::filesystem::path& folder, const SiteOptions& options) {
  if (absl::Status status = AddVersions(folder, options.versions); !status.ok()) return status;
  auto store = control::OpenSqliteStore(folder / "catalog.db");
  if (!store.ok()) return store.status();
  if (absl::Status status = AddMachines(**store, options.machines); !status.ok()) return status;
  if (absl::Status status = AddRules(**store); !status.ok()) return status;
  auto archive = control::BootArchive::Open(folder / "boots.db");
  if (!archive.ok()) return archive.status();
  return AddBoots(**archive, options);
}

}  // namespace slipway::bench
