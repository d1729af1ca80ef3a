// SPDX-License-Identifier: Apache-2.0
//
// Boots in GET /metrics. Image sets appear twice: by name, for counters and histograms that rise as
// long as slipwayd runs (serve/boot_meter.h, which bounds how many names there are), and by tag, as
// a gauge of the version that it leads to now.
#include "control/rest/metric_family.h"
#include "control/serve/boot_rules.h"

namespace slipway::control {
namespace {

void CollectAll(Core& core, std::vector<prometheus::MetricFamily>& families) {
  Family boots("slipway_boots_total", "Boots that ended, by outcome.", kCounter);
  const OutcomeCounts counts = core.timelines().counts();
  boots.Add({{"outcome", "complete"}}, counts.complete);
  boots.Add({{"outcome", "failed"}}, counts.failed);
  boots.Add({{"outcome", "abandoned"}}, counts.abandoned);
  families.push_back(std::move(boots).family());
  Family causes("slipway_boot_failures_total",
                "Failures and abandonments of boots, by cause (see /api/v1/causes).", kCounter);
  for (const auto& [cause, count] : core.timelines().causes()) {
    causes.Add({{"cause", std::string(cause)}}, count);
  }
  families.push_back(std::move(causes).family());
  Family durations("slipway_boot_seconds", "From a boot's first step to its whole file.",
                   kHistogram);
  durations.Add({}, core.timelines().durations());
  families.push_back(std::move(durations).family());
  Family running("slipway_boots_under_way", "Boots that have begun and not ended.", kGauge);
  running.Add({}, counts.under_way);
  families.push_back(std::move(running).family());
}

void CollectTags(Core& core, std::vector<prometheus::MetricFamily>& families) {
  Family boots("slipway_image_set_boots",
               "Boots of the version that a tag leads to, kept across restarts; one that failed "
               "and came to its end after all is counted as complete, so this may fall.",
               kGauge);
  const auto sets = core.Images();
  for (const ImageSet& set : sets.ok() ? *sets : std::vector<ImageSet>()) {
    const VersionCount count = core.tally().Of(VersionName(set));
    boots.Add({{"image_set", set.reference}, {"outcome", "complete"}}, count.complete);
    boots.Add({{"image_set", set.reference}, {"outcome", "failed"}}, count.failed);
  }
  families.push_back(std::move(boots).family());
}

struct Names {
  const char* counter;
  const char* counter_help;
  const char* histogram;
  const char* histogram_help;
  const char* label;
};

void CollectAccounts(const BootMeter::Accounts& accounts, const Names& names,
                     std::vector<prometheus::MetricFamily>& families) {
  Family boots(names.counter, names.counter_help, kCounter);
  Family durations(names.histogram, names.histogram_help, kHistogram);
  for (const auto& [name, account] : accounts) {
    boots.Add({{names.label, name}, {"outcome", "complete"}}, account.complete);
    boots.Add({{names.label, name}, {"outcome", "failed"}}, account.failed);
    boots.Add({{names.label, name}, {"outcome", "abandoned"}}, account.abandoned);
    durations.Add({{names.label, name}}, account.durations);
  }
  families.push_back(std::move(boots).family());
  families.push_back(std::move(durations).family());
}

}  // namespace

void CollectBoots(Core& core, std::vector<prometheus::MetricFamily>& families) {
  CollectAll(core, families);
  CollectTags(core, families);
  CollectAccounts(core.meter().ImageSets(),
                  {.counter = "slipway_image_set_boots_total",
                   .counter_help = "Boots that asked for a file of an image set, by outcome; one "
                                   "that failed and came to its end after all is in both.",
                   .histogram = "slipway_image_set_boot_seconds",
                   .histogram_help = "From a boot's first step to its whole file, by image set.",
                   .label = "name"},
                  families);
  CollectAccounts(core.meter().Networks(),
                  {.counter = "slipway_network_boots_total",
                   .counter_help = "Boots that came as far as an address in a network, by outcome; "
                                   "one that failed and came to its end after all is in both.",
                   .histogram = "slipway_network_boot_seconds",
                   .histogram_help = "From a boot's first step to its whole file, by network.",
                   .label = "network"},
                  families);
}

}  // namespace slipway::control
